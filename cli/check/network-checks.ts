/**
 * Checks of NetworkPolicies that select validators, and of open HTTP ports. The checks find which policies select which
 * pods; a person must look at the rules of a policy. Pure.
 */
import { type Fields, fieldsOf, listOf, numberOf, stringsOf, textOf, textsOf } from '../../peers/field.ts';
import { labelSelectorOf, matchesSelector } from '../../peers/injection/selectors.ts';
import { keyOf } from '../../peers/world.ts';
import { connectionsIn } from '../../reconciler/plan/publish/overview.ts';
import { type CategoryCheck, type CheckVerdict, ok, problem, skipped, some, warning } from './check.ts';
import type { Facts } from './facts.ts';
import { type Placed, placedOf } from './validators.ts';

const policiesOver = ({ validator, labels }: Placed, { networkPolicies }: Facts): Fields[] =>
  networkPolicies.filter(
    ({ metadata, spec }) =>
      fieldsOf(metadata).namespace === validator.namespace &&
      matchesSelector(labelSelectorOf(fieldsOf(spec).podSelector), labels),
  );

const nameOf = ({ metadata }: Fields): string =>
  keyOf(textOf(fieldsOf(metadata).namespace) ?? '', textOf(fieldsOf(metadata).name) ?? '');

const LOOK =
  'see that the rules let TCP 11625 in from all other validators of the network and out to them, also in other ' +
  'namespaces, and DNS out (UDP 53 to kube-system; OpenShift: 5353 to openshift-dns)';

function checkPolicies(facts: Facts): CheckVerdict {
  const policies = placedOf(facts).flatMap((each) => policiesOver(each, facts));
  const names = [...new Set(policies.map(nameOf))];
  return names.length === 0 ? ok('none selects a validator') : skipped(`${some(names)}: ${LOOK}`);
}

/** False for a policy that limits only egress. */
const isAboutIngress = ({ spec }: Fields): boolean => {
  const { policyTypes } = fieldsOf(spec);
  return policyTypes === undefined || textsOf(policyTypes).includes('Ingress');
};

function externalServices({ validator, labels }: Placed, { services }: Facts, port: number): Fields[] {
  return services.filter(({ metadata, spec }) => {
    const { selector, ports, type } = fieldsOf(spec);
    const wanted = Object.entries(stringsOf(selector));
    return (
      ['LoadBalancer', 'NodePort'].includes(textOf(type) ?? '') &&
      fieldsOf(metadata).namespace === validator.namespace &&
      wanted.length > 0 &&
      wanted.every(([key, value]) => labels[key] === value) &&
      listOf(ports).some((entry) => (numberOf(entry.targetPort) ?? numberOf(entry.port)) === port)
    );
  });
}

function checkHttp(facts: Facts): CheckVerdict {
  const { corePort: port, namespace } = facts.settings;
  if (port === 0) return skipped('CORE_HTTP_PORT is 0, so the port is not known');
  const external = placedOf(facts).flatMap((each) => externalServices(each, facts, port).map(nameOf));
  if (external.length > 0)
    return problem(`${some([...new Set(external)])} shows ${port} to the outside of the cluster`);
  const connections = connectionsIn(facts.world.configMaps.get(namespace));
  const open = placedOf(facts).filter(({ pods }) => pods.some(({ key }) => connections.has(key)));
  if (open.length === 0) return ok(`the leader reaches ${port} of no validator`);
  const unguarded = open.filter((each) => !policiesOver(each, facts).some(isAboutIngress));
  if (unguarded.length === 0) return ok(`where ${port} is open, NetworkPolicies select the validators`);
  return warning(
    `${some(unguarded.map(({ validator }) => validator.key))}: any pod may use ${port}, which can stop stellar-core`,
  );
}

export const NETWORK_CHECKS: readonly CategoryCheck[] = [
  {
    id: 'network-policies',
    title: 'NetworkPolicies',
    looks: 'which NetworkPolicies select validators; their rules are for you to look at',
    hint: LOOK,
    needs: ['world', 'networkPolicies'],
    evaluate: checkPolicies,
  },
  {
    id: 'open-http-port',
    title: 'HTTP port',
    looks:
      'validators whose HTTP port (11626) a Service shows to the outside, or which the leader reaches although no NetworkPolicy selects them',
    hint: 'let a NetworkPolicy allow 11626 from stellar-peers alone; every program that reaches it can command stellar-core',
    needs: ['world', 'networkPolicies', 'services'],
    evaluate: checkHttp,
  },
];
