/** Views: the members that one validator should know, and the format of a view in a ConfigMap. */
import type { Group, Member } from '../discovery/discover.ts';
import { fieldsOf, parseJson, textOf, timeOf } from '../field.ts';
import { formatDigests, parseDigests, viewHash } from '../hash.ts';
import { nodeKeys } from '../names.ts';
import { byText, type ConfigMapFacts, type Key, type Validator, type World } from '../world.ts';
import { Choice } from './choice.ts';

/** The view of a validator as it is in the ConfigMap that its pods mount. */
export interface PublishedView {
  readonly hash: string;
  readonly digests: readonly string[];
  readonly publishedAtMs: number;
}

/** One for each group, because all its validators are chosen for. */
const choices = new WeakMap<Group, Choice>();

/**
 * At most `maxPeers` members of the group that validator `node` should know, in order of identity. Its own pods are not
 * among them: replicas of one StellarNode share its key, and stellar-core drops a peer that has its own key.
 */
export function viewOf(node: Key, group: Group, maxPeers: number): readonly Member[] {
  const known = choices.get(group);
  const choice = known ?? new Choice(group);
  if (!known) choices.set(group, choice);
  return choice.for(node, maxPeers);
}

/**
 * At most `maxPeers` peers outside the cluster for a validator's files, in order. Those that the StellarNode itself names
 * come before those of the network; names by which the validator itself is reached from outside are left out. They are
 * not part of the hash of the view: stellar-peers does not know whether they run, so no validator is restarted for them.
 */
export function outsideOf(
  { ownPeers, outwardNames }: Pick<Validator, 'ownPeers' | 'outwardNames'>,
  { externals }: Pick<Group, 'externals'>,
  maxPeers: number,
): readonly string[] {
  const self = new Set(outwardNames.map(({ address }) => address));
  const all = new Set([...ownPeers.map(({ address }) => address), ...externals]);
  const others = [...all].filter((address) => !self.has(address));
  return others.slice(0, maxPeers).sort(byText);
}

/** The content of a validator's files: its view, then peers outside the cluster. */
export interface PeerList {
  readonly view: readonly Member[];
  readonly externals: readonly string[];
}

interface Addresses {
  readonly members: readonly string[];
  readonly outside: readonly string[];
}

/** Members can share one advertised address, and an external peer can be a member too: each address is listed once. */
function addressesOf({ view, externals }: PeerList): Addresses {
  const members = new Set(view.map(({ address }) => address));
  return { members: [...members], outside: externals.filter((address) => !members.has(address)) };
}

/** The files that the containers of a pod read. */
export interface ViewFiles {
  readonly txt: string;
  readonly toml: string;
}

/** Renders both files: the plain list, and the stellar-core fragment. */
export function viewFiles(peerList: PeerList): ViewFiles {
  const addresses = addressesOf(peerList);
  const { members, outside } = addresses;
  return { txt: [...members, ...outside, ''].join('\n'), toml: renderToml(addresses) };
}

/** The view as stellar-peers reads it back: JSON of texts that need no escaping. */
export function viewRecord({ view }: PeerList, publishedAtMs: number): string {
  const hash = viewHash(view.map(({ identity }) => identity));
  const peers = formatDigests(view.map(({ digest }) => digest));
  return `{"hash":"${hash}","peers":"${peers}","publishedAt":"${new Date(publishedAtMs).toISOString()}"}`;
}

/** One validator's keys with their texts. */
export function renderView(node: string, peerList: PeerList, publishedAtMs: number): Record<string, string> {
  const [keys, { txt, toml }] = [nodeKeys(node), viewFiles(peerList)];
  return { [keys.txt]: txt, [keys.toml]: toml, [keys.view]: viewRecord(peerList, publishedAtMs) };
}

/**
 * The stellar-core fragment: KNOWN_PEERS is a top-level key, so it stands before any table. Addresses are
 * names or IPv4 addresses and a port, checked where they are read, so quoting them as JSON is valid TOML.
 * The merge script (merge-script.ts) reads it line by line.
 */
function renderToml({ members, outside }: Addresses): string {
  if (members.length + outside.length === 0) return 'KNOWN_PEERS=[]\n';
  const entries = (addresses: readonly string[]) => addresses.map((address) => `  "${address}",\n`).join('');
  const mark = outside.length > 0 ? OUTSIDE_MARK : '';
  return `KNOWN_PEERS=[\n${entries(members)}${mark}${entries(outside)}]\n`;
}

const OUTSIDE_MARK = '  # outside the cluster\n';

/** Bytes of one validator's keys and texts, all of which are ASCII. */
export const viewBytes = (node: string, peerList: PeerList): number =>
  Object.entries(renderView(node, peerList, 0)).reduce(
    (sum, [key, text]) => sum + key.length + text.length,
    0,
  );

/** The published view of validator `node` in its namespace's ConfigMap; undefined if there is none. */
export function publishedView(
  configMap: ConfigMapFacts | undefined,
  node: string,
): PublishedView | undefined {
  const text = configMap?.data[nodeKeys(node).view];
  return text === undefined ? undefined : parseView(text);
}

/** The published view of a validator, or of the StatefulSet with its name. */
export const publishedFor = (
  { namespace, name }: Pick<Validator, 'namespace' | 'name'>,
  { configMaps }: Pick<World, 'configMaps'>,
): PublishedView | undefined => publishedView(configMaps.get(namespace), name);

const HASH_LENGTH_MAX = 64;

function parseView(text: string): PublishedView | undefined {
  const fields = fieldsOf(parseJson(text));
  const digests = parseDigests(textOf(fields.peers) ?? '');
  const publishedAtMs = timeOf(fields.publishedAt);
  const hash = textOf(fields.hash);
  if (digests === undefined || publishedAtMs === undefined) return undefined;
  // The hash becomes a part of our writes. A longer text is not a hash of ours.
  if (hash === undefined || hash.length > HASH_LENGTH_MAX) return undefined;
  return { hash, publishedAtMs, digests };
}
