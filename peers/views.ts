/**
 * Views: which members one validator should know, and how a view stands in a ConfigMap.
 */
import type { Group, Member } from './discover.ts';
import { fieldsOf, parseJson, textOf, timeOf } from './field.ts';
import { digestNumber, digestOf, formatDigests, parseDigests, rendezvousWeight, viewHash } from './hash.ts';
import { memoised } from './memo.ts';
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
export function externalsOf(
  node: Key,
  { externals }: Pick<Group, 'externals'>,
  maxPeers: number,
): readonly string[] {
  if (externals.length <= maxPeers) return externals;
  const viewer = digestNumber(digestOf(node));
  const weight = memoised(
    (address) => rendezvousWeight(viewer, digestNumber(digestOf(address))),
    externals.length,
  );
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

/** Replicas behind one advertised address share it, and an external peer may be one of ours: named once. */
function addressesOf({ view, externals }: Listing): readonly string[] {
  const addresses = view.map(({ address }) => address);
  // A name of the cluster is one member's alone, so that hardly anybody needs to look for doubles.
  if (externals.length === 0 && !view.some(({ isAdvertised }) => isAdvertised)) return addresses;
  return [...new Set([...addresses, ...externals])];
}

/** What whoever runs in the pod reads. */
export interface ViewFiles {
  readonly txt: string;
  readonly toml: string;
}

/** The list, and the stellar-core fragment. */
export function viewFiles(listing: Listing): ViewFiles {
  const addresses = addressesOf(listing);
  return { txt: [...addresses, ''].join('\n'), toml: renderToml(addresses) };
}

/** The view for ourselves: JSON of texts that need no escaping. */
export function viewRecord({ view }: Listing, publishedAtMs: number): string {
  const hash = viewHash(view.map(({ identity }) => identity));
  const peers = formatDigests(view.map(({ digest }) => digest));
  return `{"hash":"${hash}","peers":"${peers}","publishedAt":"${new Date(publishedAtMs).toISOString()}"}`;
}

/** One validator's keys with their texts. */
export function renderView(node: string, listing: Listing, publishedAtMs: number): Record<string, string> {
  const [keys, { txt, toml }] = [nodeKeys(node), viewFiles(listing)];
  return { [keys.txt]: txt, [keys.toml]: toml, [keys.view]: viewRecord(listing, publishedAtMs) };
}

/**
 * The stellar-core fragment: KNOWN_PEERS is a top-level key, so it stands before any table. Addresses are
 * names or IPv4 addresses and a port, checked where they are read, so quoting them as JSON is valid TOML.
 */
function renderToml(addresses: readonly string[]): string {
  if (addresses.length === 0) return 'KNOWN_PEERS=[]\n';
  return `KNOWN_PEERS=[\n  "${addresses.join('",\n  "')}",\n]\n`;
}

/** How many bytes `renderView` makes of one peer beside twice its address, and of one validator without any. */
const BYTES_PER_ADDRESS = '\n'.length + '  "",\n'.length;
const BYTES_PER_DIGEST = '00000000,'.length;

const rendered = (view: Readonly<Record<string, string>>): number =>
  Object.entries(view).reduce((sum, [key, text]) => sum + key.length + text.length, 0);
const BYTES_WITHOUT_PEERS = rendered(renderView('', { view: [], externals: [] }, 0));
/** The fragment opens another line where its list is not empty; the last digest has no comma. */
const BYTES_OF_A_LIST = '\n'.length;
const KEYS_OF_A_NODE = Object.keys(nodeKeys('')).length;

/** Bytes of one validator's keys and texts, all of which are ASCII, without making them. */
export function viewBytes(node: string, listing: Listing): number {
  const addresses = addressesOf(listing);
  const peers = listing.view.length;
  let bytes =
    BYTES_WITHOUT_PEERS + KEYS_OF_A_NODE * node.length + peers * BYTES_PER_DIGEST - Math.min(peers, 1);
  for (const { length } of addresses) bytes += 2 * length + BYTES_PER_ADDRESS;
  return bytes + (addresses.length > 0 ? BYTES_OF_A_LIST : 0);
}

/** The published view of validator `node` in its namespace's ConfigMap; undefined where there is none. */
export function publishedView(
  configMap: ConfigMapFacts | undefined,
  node: string,
): PublishedView | undefined {
  if (!configMap) return undefined;
  const read = readIn.get(configMap) ?? new Map<string, PublishedView | undefined>();
  if (read.size === 0) readIn.set(configMap, read);
  if (!read.has(node)) {
    const text = configMap.data[nodeKeys(node).view];
    read.set(node, text === undefined ? undefined : parseView(text).view);
  }
  return read.get(node);
}

/** What was read of each ConfigMap: each pass asks for every view in it several times. */
const readIn = new WeakMap<ConfigMapFacts, Map<string, PublishedView | undefined>>();

/** More than a cluster of our size has: of a ConfigMap that was written again, most views are the same texts. */
const VIEWS_KEPT = 6_000;

const parseView = memoised((text): { readonly view: PublishedView | undefined } => {
  const fields = fieldsOf(parseJson(text));
  const digests = parseDigests(textOf(fields.peers) ?? '');
  const publishedAtMs = timeOf(fields.publishedAt);
  const hash = textOf(fields.hash);
  if (digests === undefined || publishedAtMs === undefined || hash === undefined) return { view: undefined };
  return { view: { hash, publishedAtMs, digests } };
}, VIEWS_KEPT);
