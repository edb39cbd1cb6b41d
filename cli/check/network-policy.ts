/**
 * NetworkPolicies: which of them concern a pod, and whether they let a connection through. Pure.
 * What cannot be told from outside (named ports, address blocks) counts as let through: a false alarm helps no user.
 */
import { type Fields, fieldsOf, listOf, numberOf, textOf } from '../../peers/field.ts';
import { labelSelectorOf, matchesSelector } from '../../peers/injection/selectors.ts';
import { keyOf, type LabelSelector } from '../../peers/world.ts';

type Labels = Readonly<Record<string, string>>;
export type Direction = 'Ingress' | 'Egress';

/** A pod as policies see it. */
export interface Endpoint {
  readonly namespace: string;
  readonly namespaceLabels: Labels;
  readonly labels: Labels;
}

interface Rule {
  /** Undefined for every port. */
  readonly ports: readonly Port[] | undefined;
  /** Undefined for all. */
  readonly peers: readonly Peer[] | undefined;
}

interface Port {
  readonly protocol: string;
  /** Both undefined for a named port, or where only the protocol is given. */
  readonly first: number | undefined;
  readonly last: number | undefined;
}

interface Peer {
  readonly pods: LabelSelector | undefined;
  readonly namespaces: LabelSelector | undefined;
  readonly isBlock: boolean;
}

export interface PolicyFacts {
  readonly key: string;
  readonly namespace: string;
  readonly pods: LabelSelector;
  readonly rules: Readonly<Record<Direction, readonly Rule[] | undefined>>;
}

/** What we read of a NetworkPolicy; rules are undefined for a direction that it says nothing of. */
export function readPolicy(raw: Fields): PolicyFacts {
  const metadata = fieldsOf(raw.metadata);
  const spec = fieldsOf(raw.spec);
  const namespace = textOf(metadata.namespace) ?? '';
  const types: readonly unknown[] = Array.isArray(spec.policyTypes)
    ? spec.policyTypes
    : ['Ingress', ...(spec.egress === undefined ? [] : ['Egress'])];
  const rulesOf = (direction: Direction, rules: unknown, side: string) =>
    types.includes(direction) ? listOf(rules).map((rule) => ruleOf(rule, side)) : undefined;
  return {
    key: keyOf(namespace, textOf(metadata.name) ?? ''),
    namespace,
    pods: labelSelectorOf(spec.podSelector),
    rules: {
      Ingress: rulesOf('Ingress', spec.ingress, 'from'),
      Egress: rulesOf('Egress', spec.egress, 'to'),
    },
  };
}

function ruleOf(rule: Fields, side: string): Rule {
  const ports = listOf(rule.ports);
  const peers = listOf(rule[side]);
  return {
    ports: ports.length === 0 ? undefined : ports.map(portOf),
    peers: peers.length === 0 ? undefined : peers.map(peerOf),
  };
}

function portOf({ protocol, port, endPort }: Fields): Port {
  const first = numberOf(port);
  return { protocol: textOf(protocol) ?? 'TCP', first, last: numberOf(endPort) ?? first };
}

const selectorOf = (raw: unknown) => (raw === undefined ? undefined : labelSelectorOf(raw));

const peerOf = ({ podSelector, namespaceSelector, ipBlock }: Fields): Peer => ({
  pods: selectorOf(podSelector),
  namespaces: selectorOf(namespaceSelector),
  isBlock: ipBlock !== undefined,
});

/** The policies that restrict this pod in that direction; with none of them everything is let through. */
export const policiesOver = (
  policies: readonly PolicyFacts[],
  pod: Endpoint,
  direction: Direction,
): readonly PolicyFacts[] =>
  policies.filter(
    ({ namespace, pods, rules }) =>
      namespace === pod.namespace && rules[direction] !== undefined && matchesSelector(pods, pod.labels),
  );

/** One end of a connection, and how it is spoken to. */
export interface PolicyConnection {
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
  /** The pod at the other end; undefined for any, of which one rule that allows one is enough. */
  readonly other?: Endpoint;
}

/** True if at least one of these policies lets the connection through. They add up, as in Kubernetes. */
export const letsThrough = (
  policies: readonly PolicyFacts[],
  direction: Direction,
  connection: PolicyConnection,
): boolean =>
  policies.some(({ namespace, rules }) =>
    (rules[direction] ?? []).some(
      (rule) =>
        (rule.ports?.some((port) => coversPort(port, connection)) ?? true) &&
        (connection.other === undefined || coversPeer(rule, connection.other, namespace)),
    ),
  );

/** True if every pod may connect to that port: some rule for it names no peers. */
export const isOpenToAll = (policies: readonly PolicyFacts[], port: number): boolean =>
  policies.some(({ rules }) =>
    (rules.Ingress ?? []).some(
      ({ ports, peers }) =>
        peers === undefined && (ports?.some((each) => coversPort(each, { port, protocol: 'TCP' })) ?? true),
    ),
  );

const coversPort = (
  { protocol, first, last }: Port,
  { port, protocol: wanted }: Pick<PolicyConnection, 'port' | 'protocol'>,
): boolean => protocol === wanted && (first === undefined || (port >= first && port <= (last ?? first)));

const coversPeer = ({ peers }: Rule, other: Endpoint, home: string): boolean =>
  peers?.some(({ pods, namespaces, isBlock }) => {
    if (isBlock) return true;
    const inNamespace = namespaces
      ? matchesSelector(namespaces, other.namespaceLabels)
      : other.namespace === home;
    return inNamespace && (pods === undefined || matchesSelector(pods, other.labels));
  }) ?? true;
