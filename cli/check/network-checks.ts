/**
 * Checks of NetworkPolicies: whether validators can reach each other, and whether an open HTTP port is protected. Pure.
 * A rule that these checks cannot evaluate (named ports, address blocks) counts as allowing the traffic, to avoid false
 * alarms.
 */
import { type Fields, fieldsOf, listOf, numberOf, stringsOf, textOf, textsOf } from '../../peers/field.ts';
import { labelSelectorOf, matchesSelector } from '../../peers/injection/selectors.ts';
import { keyOf } from '../../peers/world.ts';
import { connectionsIn } from '../../reconciler/plan/publish/overview.ts';
import { type CategoryCheck, type CheckVerdict, ok, problem, skipped, some, warning } from './check.ts';
import type { Facts } from './facts.ts';
import { type Placed, placedOf } from './validators.ts';

type Direction = 'Ingress' | 'Egress';

/** The ports on which DNS pods listen: CoreDNS by default, OpenShift, Gardener. A policy sees these, not the Service's. */
const DNS_PORTS = [53, 5353, 8053];

/** `namespace/name` of a raw object. */
const nameOf = ({ metadata }: Fields): string =>
  keyOf(textOf(fieldsOf(metadata).namespace) ?? '', textOf(fieldsOf(metadata).name) ?? '');

/** The policies that restrict this pod in this direction. If there is none, all traffic is allowed. */
const policiesOver = (pod: Placed, direction: Direction, { networkPolicies }: Facts): Fields[] =>
  networkPolicies.filter(({ metadata, spec }) => {
    const { podSelector, policyTypes, egress } = fieldsOf(spec);
    const types = policyTypes ?? (egress === undefined ? ['Ingress'] : ['Ingress', 'Egress']);
    return (
      Array.isArray(types) &&
      types.includes(direction) &&
      fieldsOf(metadata).namespace === pod.namespace &&
      matchesSelector(labelSelectorOf(podSelector), pod.labels)
    );
  });

/** The `from` or `to` of each rule of these policies that covers the port. An empty list allows every pod. */
const allowedPods = (
  policies: readonly Fields[],
  direction: Direction,
  port: number,
  protocol = 'TCP',
): Array<readonly Fields[]> =>
  policies
    .flatMap(({ spec }) => listOf(fieldsOf(spec)[direction.toLowerCase()]))
    .filter(({ ports }) => {
      const all = listOf(ports);
      return all.length === 0 || all.some((each) => coversPort(each, port, protocol));
    })
    .map((rule) => listOf(rule[direction === 'Ingress' ? 'from' : 'to']));

function coversPort(entry: Fields, port: number, protocol: string): boolean {
  const first = numberOf(entry.port);
  const last = numberOf(entry.endPort) ?? first ?? port;
  return (textOf(entry.protocol) ?? 'TCP') === protocol && (first ?? port) <= port && port <= last;
}

/** True if these entries of a `from` or `to` allow this pod, or may allow it. `home` is the namespace of their policy. */
const mayAllow = (entries: readonly Fields[], pod: Placed, home: string): boolean =>
  entries.length === 0 ||
  entries.some(({ ipBlock, namespaceSelector, podSelector }) => {
    if (ipBlock !== undefined) return true;
    const isInNamespace =
      namespaceSelector === undefined
        ? pod.namespace === home
        : matchesSelector(labelSelectorOf(namespaceSelector), pod.namespaceLabels);
    return isInNamespace && matchesSelector(labelSelectorOf(podSelector), pod.labels);
  });

/** The validators that their policies keep apart from another validator of their group, each with one example. */
function cutOff(facts: Facts, direction: Direction) {
  const byGroup = Map.groupBy(placedOf(facts), ({ group }) => group);
  return [...byGroup.values()].flatMap((members) =>
    members.flatMap((own) => {
      const policies = policiesOver(own, direction, facts);
      if (policies.length === 0) return [];
      const other = members.find((member) => {
        const { port } = (direction === 'Ingress' ? own : member).validator;
        const allowed = allowedPods(policies, direction, port);
        return member !== own && !allowed.some((entries) => mayAllow(entries, member, own.namespace));
      });
      return other ? [{ own, other, by: policies.map(nameOf) }] : [];
    }),
  );
}

function checkReach(facts: Facts, direction: Direction): CheckVerdict {
  const [first, ...others] = cutOff(facts, direction);
  if (!first) return ok('no NetworkPolicy is in the way');
  const { own, other, by } = first;
  const [from, to] = direction === 'Ingress' ? [other, own] : [own, other];
  const more = others.length === 0 ? '' : `; the same for ${others.length} more`;
  return problem(
    `${from.validator.key} does not reach ${to.validator.key} on ${to.validator.port}: ` +
      `no rule of ${some(by)} allows it${more}`,
  );
}

function checkDns(facts: Facts): CheckVerdict {
  const withoutDns = placedOf(facts).flatMap((placed) => {
    const policies = policiesOver(placed, 'Egress', facts);
    const mayAskDns = DNS_PORTS.some((port) => allowedPods(policies, 'Egress', port, 'UDP').length > 0);
    return policies.length > 0 && !mayAskDns ? [{ key: placed.validator.key, by: policies.map(nameOf) }] : [];
  });
  if (withoutDns.length === 0) return ok('names can be resolved');
  const policies = [...new Set(withoutDns.flatMap(({ by }) => by))];
  return problem(`${some(withoutDns.map(({ key }) => key))}: no rule of ${some(policies)} allows UDP 53`);
}

/** The Services that lead to this port of the validator's pods. */
function servicesTo(services: readonly Fields[], { namespace, labels }: Placed, port: number): Fields[] {
  return services.filter(({ metadata, spec }) => {
    const { selector, ports } = fieldsOf(spec);
    const wanted = Object.entries(stringsOf(selector));
    return (
      fieldsOf(metadata).namespace === namespace &&
      wanted.length > 0 &&
      wanted.every(([key, value]) => labels[key] === value) &&
      listOf(ports).some((entry) => (numberOf(entry.targetPort) ?? numberOf(entry.port)) === port)
    );
  });
}

const selectsAll = (raw: unknown): boolean => {
  const { matchLabels, matchExpressions } = labelSelectorOf(raw);
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
};

/** True if these entries of a `from` let in every pod, or every address. */
const allowsAll = (entries: readonly Fields[]): boolean =>
  entries.length === 0 ||
  entries.some(({ ipBlock, namespaceSelector, podSelector }) => {
    const { cidr, except } = fieldsOf(ipBlock);
    if (ipBlock !== undefined) return cidr === '0.0.0.0/0' && textsOf(except).length === 0;
    return namespaceSelector !== undefined && selectsAll(namespaceSelector) && selectsAll(podSelector);
  });

/** True if a Service is reachable from outside the cluster. */
const isExternal = ({ spec }: Fields): boolean =>
  ['LoadBalancer', 'NodePort'].includes(textOf(fieldsOf(spec).type) ?? '');

function checkHttp(facts: Facts): CheckVerdict {
  const port = facts.settings.corePort;
  if (port === 0) return skipped('CORE_HTTP_PORT is 0, so the port is not known');
  const placed = placedOf(facts);
  const external = placed.flatMap((each) =>
    servicesTo(facts.services, each, port).filter(isExternal).map(nameOf),
  );
  if (external.length > 0)
    return problem(`${some([...new Set(external)])} shows ${port} to the outside of the cluster`);
  const connections = connectionsIn(facts.world.configMaps.get(facts.settings.namespace));
  const isOpen = (each: Placed) =>
    servicesTo(facts.services, each, port).length > 0 || each.pods.some((pod) => connections.has(pod));
  const open = placed.filter(isOpen);
  if (open.length === 0) return ok(`no validator is known to have ${port} open`);
  const unprotected = open.filter((each) => {
    const policies = policiesOver(each, 'Ingress', facts);
    const allowed = allowedPods(policies, 'Ingress', port);
    return policies.length === 0 || allowed.some(allowsAll);
  });
  if (unprotected.length === 0) return ok(`${port} is open and guarded by NetworkPolicies`);
  return warning(
    `${some(unprotected.map(({ validator }) => validator.key))}: any pod may use ${port}, which can stop stellar-core`,
  );
}

const READ = ['stellarnodes', 'statefulsets', 'pods', 'namespaces', 'networkPolicies'] as const;

export const NETWORK_CHECKS: readonly CategoryCheck[] = [
  {
    id: 'peer-ingress',
    title: 'peers in',
    looks:
      "NetworkPolicies over validator pods: ingress to the peer port (11625) from the network's other validators",
    hint: "add an ingress rule for TCP 11625 from pods with label stellar.org/node-type=Validator, and their namespaces (the operator's own policy: spec.networkPolicy.allowNamespaces)",
    needs: READ,
    evaluate: (facts) => checkReach(facts, 'Ingress'),
  },
  {
    id: 'peer-egress',
    title: 'peers out',
    looks: "NetworkPolicies over validator pods: egress to the peer port of the network's other validators",
    hint: 'add an egress rule for TCP 11625 to pods with label stellar.org/node-type=Validator, and their namespaces',
    needs: READ,
    evaluate: (facts) => checkReach(facts, 'Egress'),
  },
  {
    id: 'dns-egress',
    title: 'DNS',
    looks:
      'NetworkPolicies over validator pods: egress to DNS (UDP 53, 5353 or 8053), since peers are listed by name',
    hint: 'add an egress rule for UDP and TCP 53 to the cluster DNS in kube-system; OpenShift: 5353 to openshift-dns',
    needs: READ,
    evaluate: checkDns,
  },
  {
    id: 'open-http-port',
    title: 'HTTP port',
    looks:
      "validators whose HTTP port (11626) is open to any pod or to the outside, by a Service or by the leader's own calls",
    hint: 'let a NetworkPolicy allow 11626 from stellar-peers alone; every program that reaches it can command stellar-core',
    needs: [...READ, 'services', 'configmaps'],
    evaluate: checkHttp,
  },
];
