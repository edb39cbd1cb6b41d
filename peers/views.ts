/**
 * Views: which members one validator should know, and how a view stands in a ConfigMap.
 */
import type { Group, Member } from './discover.ts';
import { fieldsOf, parseJson, textOf, timeOf } from './field.ts';
import { digestNumber, digestOf, formatDigests, parseDigests, rendezvousWeight, viewHash } from './hash.ts';
import { nodeKeys } from './names.ts';
import { byText, type ConfigMapFacts, type Key } from './world.ts';

/** The view of a validator as it stands in the ConfigMap that its pods mount. */
export interface PublishedView {
  readonly hash: string;
  /** Sorted digests of its members. */
  readonly digests: readonly string[];
  readonly publishedAtMs: number;
}

/**
 * The at most `maxPeers` members of the group that validator `node` should know, in order of identity.
 * None of its own pods is among them: replicas of one StellarNode share its key, and stellar-core drops
 * a peer with its own.
 */
export function viewOf(node: Key, group: Group, maxPeers: number): readonly Member[] {
  const others = group.members.filter((member) => member.node !== node);
  if (others.length <= maxPeers) return others;
  const viewer = digestNumber(digestOf(node));
  const weighed = others.map((member) => ({
    member,
    weight: rendezvousWeight(viewer, digestNumber(member.digest)),
  }));
  weighed.sort((a, b) => b.weight - a.weight || byIdentity(a.member, b.member));
  return weighed
    .slice(0, maxPeers)
    .map(({ member }) => member)
    .sort(byIdentity);
}

const byIdentity = (a: Member, b: Member): number => byText(a.identity, b.identity);

/**
 * The at most `maxPeers` peers outside the cluster that stand in a validator's files beside its view, in order.
 * They have no part in its hash: whether they live nobody here knows, so nobody is restarted for them.
 */
export function externalsOf(node: Key, { externals }: Group, maxPeers: number): readonly string[] {
  if (externals.length <= maxPeers) return externals;
  const viewer = digestNumber(digestOf(node));
  const weight = (address: string) => rendezvousWeight(viewer, digestNumber(digestOf(address)));
  return [...externals]
    .sort((a, b) => weight(b) - weight(a) || byText(a, b))
    .slice(0, maxPeers)
    .sort(byText);
}

/** What stands in a validator's files: its view, then peers outside the cluster. */
export interface Listing {
  readonly view: readonly Member[];
  readonly externals: readonly string[];
}

/** One validator's keys: the list, the stellar-core fragment, and the view for ourselves. */
export function renderView(
  node: string,
  { view, externals }: Listing,
  publishedAtMs: number,
): Record<string, string> {
  const keys = nodeKeys(node);
  // Replicas behind one advertised address share it, and an external peer may be one of ours: named once.
  const addresses = [...new Set([...view.map((member) => member.address), ...externals])];
  return {
    [keys.txt]: addresses.map((address) => `${address}\n`).join(''),
    [keys.toml]: renderToml(addresses),
    [keys.view]: JSON.stringify({
      hash: viewHash(view.map((member) => member.identity)),
      peers: formatDigests(view.map((member) => member.digest)),
      publishedAt: new Date(publishedAtMs).toISOString(),
    }),
  };
}

/**
 * The stellar-core fragment: KNOWN_PEERS is a top-level key, so it stands before any table. Addresses are
 * names or IPv4 addresses and a port, checked where they are read, so quoting them as JSON is valid TOML.
 */
function renderToml(addresses: readonly string[]): string {
  if (addresses.length === 0) return 'KNOWN_PEERS=[]\n';
  return `KNOWN_PEERS=[\n${addresses.map((address) => `  ${JSON.stringify(address)},\n`).join('')}]\n`;
}

/** The published view of validator `node` in its namespace's ConfigMap; undefined where there is none. */
export function publishedView(
  configMap: ConfigMapFacts | undefined,
  node: string,
): PublishedView | undefined {
  const text = configMap?.data[nodeKeys(node).view];
  const fields = fieldsOf(text === undefined ? undefined : parseJson(text));
  const digests = parseDigests(textOf(fields.peers) ?? '');
  const publishedAtMs = timeOf(fields.publishedAt);
  const hash = textOf(fields.hash);
  if (digests === undefined || publishedAtMs === undefined || hash === undefined) return undefined;
  return { hash, publishedAtMs, digests };
}
