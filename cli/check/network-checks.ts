/**
 * Whether NetworkPolicies let validators reach each other, and whether an open HTTP port is guarded. Pure.
 * What cannot be told from outside (named ports, address blocks) counts as let through: a false alarm helps no user.
 */
import { type Fields, fieldsOf, listOf, numberOf, stringsOf, textOf } from '../../peers/field.ts';
import { labelSelectorOf, matchesSelector } from '../../peers/injection/selectors.ts';
import { keyOf } from '../../peers/world.ts';
import { connectionsIn } from '../../reconciler/plan/publish/overview.ts';
import { type CategoryCheck, type CheckVerdict, ok, problem, skipped, some, warning } from './check.ts';
import type { Facts } from './facts.ts';
import { type Placed, placedOf } from './validators.ts';

type Direction = 'Ingress' | 'Egress';

/** Where pods of DNS listen, behind their Service: CoreDNS as it comes, OpenShift's, Gardener's. */
const DNS_PORTS = [53, 5353, 8053];

const nameOf = ({ metadata }: Fields): string =>
  keyOf(textOf(fieldsOf(metadata).namespace) ?? '', textOf(fieldsOf(metadata).name) ?? '');

/** The policies that restrict this pod in that direction; without any, everything is let through. */
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

/** For each rule of these policies that covers the port, the peers that it allows. An empty list allows all. */
const peersAllowed = (
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

/** True if one of the peers that a rule in namespace `home` names is this pod, or may be. */
const names = (peers: readonly Fields[], pod: Placed, home: string): boolean =>
  peers.length === 0 ||
  peers.some(({ ipBlock, namespaceSelector, podSelector }) => {
    if (ipBlock !== undefined) return true;
    const isThere =
      namespaceSelector === undefined
        ? pod.namespace === home
        : matchesSelector(labelSelectorOf(namespaceSelector), pod.namespaceLabels);
    return isThere && matchesSelector(labelSelectorOf(podSelector), pod.labels);
  });

/** Pairs of one network that a policy over the first of them keeps apart: one pair for each such validator. */
function cutOff(facts: Facts, direction: Direction) {
  const byGroup = Map.groupBy(placedOf(facts), ({ group }) => group);
  return [...byGroup.values()].flatMap((members) =>
    members.flatMap((own) => {
      const policies = policiesOver(own, direction, facts);
      if (policies.length === 0) return [];
      const other = members.find((member) => {
        const { port } = (direction === 'Ingress' ? own : member).validator;
        const allowed = peersAllowed(policies, direction, port);
        return member !== own && !allowed.some((peers) => names(peers, member, own.namespace));
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
  const without = placedOf(facts).flatMap((placed) => {
    const policies = policiesOver(placed, 'Egress', facts);
    const isLetOut = DNS_PORTS.some((port) => peersAllowed(policies, 'Egress', port, 'UDP').length > 0);
    return policies.length > 0 && !isLetOut ? [{ key: placed.validator.key, by: policies.map(nameOf) }] : [];
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

function checkHttp(facts: Facts): CheckVerdict {
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
    const policies = policiesOver(each, 'Ingress', facts);
    const allowed = peersAllowed(policies, 'Ingress', port);
    return policies.length === 0 || allowed.some((peers) => peers.length === 0);
  });
  if (bare.length === 0) return ok(`${port} is open and guarded by NetworkPolicies`);
  return warning(
    `${some(bare.map(({ validator }) => validator.key))}: any pod may use ${port}, which can stop stellar-core`,
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
