/**
 * Whether NetworkPolicies let validators reach each other, and whether an open HTTP port is guarded. Pure.
 */
import { type Fields, fieldsOf, listOf, numberOf, stringsOf, textOf } from '../../peers/field.ts';
import { keyOf } from '../../peers/world.ts';
import { connectionsIn } from '../../reconciler/plan/publish/overview.ts';
import { type Check, type CheckVerdict, ok, problem, skipped, some, warning } from './check.ts';
import type { Facts } from './facts.ts';
import { type Direction, isOpenToAll, letsThrough, policiesOver } from './network-policy.ts';
import { type Placed, placedOf } from './validators.ts';

/** Where pods of DNS listen, behind their Service: CoreDNS as it comes, OpenShift's, Gardener's. */
const DNS_PORTS = [53, 5353, 8053];

/** Validators that policies cut off from at least one of their group, each with one that it is cut off from. */
function cutOff(
  facts: Facts,
  direction: Direction,
): Array<{ readonly placed: Placed; readonly other: Placed; readonly by: readonly string[] }> {
  const byGroup = Map.groupBy(placedOf(facts), ({ group }) => group);
  return [...byGroup.values()].flatMap((members) =>
    members.flatMap((placed) => {
      const policies = policiesOver(facts.networkPolicies, placed, direction);
      if (policies.length === 0) return [];
      const other = members.find(
        (member) => member !== placed && !reaches(policies, placed, member, direction),
      );
      return other ? [{ placed, other, by: policies.map(({ key }) => key) }] : [];
    }),
  );
}

function reaches(
  policies: ReturnType<typeof policiesOver>,
  own: Placed,
  other: Placed,
  direction: Direction,
): boolean {
  const { port } = (direction === 'Ingress' ? own : other).validator;
  return letsThrough(policies, direction, { port, protocol: 'TCP', other });
}

function judgeReach(facts: Facts, direction: Direction): CheckVerdict {
  const found = cutOff(facts, direction);
  const [first] = found;
  if (!first) return ok('no NetworkPolicy is in the way');
  const { placed, other, by } = first;
  const port = (direction === 'Ingress' ? placed : other).validator.port;
  const [from, to] = direction === 'Ingress' ? [other, placed] : [placed, other];
  const more = found.length === 1 ? '' : `; the same for ${found.length - 1} more`;
  return problem(
    `${from.validator.key} does not reach ${to.validator.key} on ${port}: ` +
      `no rule of ${some([...by])} allows it${more}`,
  );
}

function judgeDns(facts: Facts): CheckVerdict {
  const without = placedOf(facts).flatMap((placed) => {
    const policies = policiesOver(facts.networkPolicies, placed, 'Egress');
    const isCut =
      policies.length > 0 &&
      !DNS_PORTS.some((port) => letsThrough(policies, 'Egress', { port, protocol: 'UDP' }));
    return isCut ? [{ key: placed.validator.key, by: policies.map(({ key }) => key) }] : [];
  });
  if (without.length === 0) return ok('names can be resolved');
  const policies = [...new Set(without.flatMap(({ by }) => by))];
  return problem(`${some(without.map(({ key }) => key))}: no rule of ${some(policies)} allows UDP 53`);
}

/** Services that lead to the HTTP port of these pods. */
function exposing(services: readonly Fields[], { namespace, labels }: Placed, port: number): Fields[] {
  return services.filter(({ metadata, spec }) => {
    const { selector, ports } = fieldsOf(spec);
    const wanted = Object.entries(stringsOf(selector));
    return (
      fieldsOf(metadata).namespace === namespace &&
      wanted.length > 0 &&
      wanted.every(([key, value]) => labels[key] === value) &&
      listOf(ports).some(({ port: own, targetPort }) => (numberOf(targetPort) ?? numberOf(own)) === port)
    );
  });
}

const isOutside = ({ spec }: Fields): boolean =>
  ['LoadBalancer', 'NodePort'].includes(textOf(fieldsOf(spec).type) ?? '');
const nameOf = ({ metadata }: Fields): string =>
  keyOf(textOf(fieldsOf(metadata).namespace) ?? '', textOf(fieldsOf(metadata).name) ?? '');

function judgeHttp(facts: Facts): CheckVerdict {
  const port = facts.settings.corePort;
  if (port === 0) return skipped('CORE_HTTP_PORT is 0, so the port is not known');
  const placed = placedOf(facts);
  const outside = placed.flatMap((each) =>
    exposing(facts.services, each, port).filter(isOutside).map(nameOf),
  );
  if (outside.length > 0)
    return problem(`${some([...new Set(outside)])} shows ${port} to the outside of the cluster`);
  const connections = connectionsIn(facts.world.configMaps.get(facts.settings.namespace));
  const isOpen = (each: Placed) =>
    exposing(facts.services, each, port).length > 0 || each.pods.some((pod) => connections.has(pod));
  const open = placed.filter(isOpen);
  if (open.length === 0) return ok(`no validator is known to have ${port} open`);
  const bare = open.filter((each) => {
    const policies = policiesOver(facts.networkPolicies, each, 'Ingress');
    return policies.length === 0 || isOpenToAll(policies, port);
  });
  if (bare.length === 0) return ok(`${port} is open and guarded by NetworkPolicies`);
  return warning(
    `${some(bare.map(({ validator }) => validator.key))}: any pod may use ${port}, which can stop stellar-core`,
  );
}

const NETWORK = { category: 'Network', when: 'both' } as const;
const READ = ['stellarnodes', 'statefulsets', 'pods', 'namespaces', 'networkPolicies'] as const;

export const NETWORK_CHECKS: readonly Check[] = [
  {
    ...NETWORK,
    id: 'peer-ingress',
    title: 'peers in',
    looks:
      "NetworkPolicies over validator pods: ingress to the peer port (11625) from the network's other validators",
    hint: "add an ingress rule for TCP 11625 from pods with label stellar.org/node-type=Validator, and their namespaces (the operator's own policy: spec.networkPolicy.allowNamespaces)",
    needs: READ,
    judge: (facts) => judgeReach(facts, 'Ingress'),
  },
  {
    ...NETWORK,
    id: 'peer-egress',
    title: 'peers out',
    looks: "the same: egress to the peer port of the network's other validators",
    hint: 'add an egress rule for TCP 11625 to pods with label stellar.org/node-type=Validator, and their namespaces',
    needs: READ,
    judge: (facts) => judgeReach(facts, 'Egress'),
  },
  {
    ...NETWORK,
    id: 'dns-egress',
    title: 'DNS',
    looks: 'the same: egress to DNS (UDP 53, 5353 or 8053), since peers are given by name',
    hint: 'add an egress rule for UDP and TCP 53 to the cluster DNS in kube-system; OpenShift: 5353 to openshift-dns',
    needs: READ,
    judge: judgeDns,
  },
  {
    ...NETWORK,
    id: 'open-http-port',
    title: 'HTTP port',
    looks:
      "validators whose HTTP port (11626) is open, by a Service or by the leader's own calls, to any pod or outside",
    hint: 'let a NetworkPolicy allow 11626 from stellar-peers alone; every program that reaches it can command stellar-core',
    needs: [...READ, 'services', 'configmaps'],
    judge: judgeHttp,
  },
];
