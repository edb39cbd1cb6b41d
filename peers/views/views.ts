/**
 * Views: which members one validator should know, and how a view stands in a ConfigMap.
 */

import type { Group, Member } from '../discovery/discover.ts';
import { fieldsOf, parseJson, textOf, timeOf } from '../field.ts';
import { digestNumber, digestOf, formatDigests, parseDigests, rendezvousWeight, viewHash } from '../hash.ts';
import { nodeKeys } from '../names.ts';
import { byText, type ConfigMapFacts, type Key, type Validator } from '../world.ts';
import { Choice } from './choice.ts';

/** The view of a validator as it stands in the ConfigMap that its pods mount. */
export interface PublishedView {
  readonly hash: string;
  /** Sorted digests of its members. */
  readonly digests: readonly string[];
  readonly publishedAtMs: number;
}

/** Made once a group: each of its validators is chosen for. */
const choices = new WeakMap<Group, Choice>();

/**
 * The at most `maxPeers` members of the group that validator `node` should know, in order of identity.
 * None of its own pods is among them: replicas of one StellarNode share its key, and stellar-core drops
 * a peer with its own.
 */
export function viewOf(node: Key, group: Group, maxPeers: number): readonly Member[] {
  const known = choices.get(group);
  const choice = known ?? new Choice(group);
  if (!known) choices.set(group, choice);
  return choice.for(node, maxPeers);
}

/**
 * The at most `maxPeers` peers outside the cluster that stand in a validator's files beside its view, in order.
 * They have no part in its hash: whether they run is not known here, so no validator is restarted for them.
 */
export function externalsOf(
  node: Key,
  { externals }: Pick<Group, 'externals'>,
  maxPeers: number,
): readonly string[] {
  if (externals.length <= maxPeers) return externals;
  const viewer = digestNumber(digestOf(node));
  return externals
    .map((address) => ({ address, weight: rendezvousWeight(viewer, digestNumber(digestOf(address))) }))
    .sort((a, b) => b.weight - a.weight || byText(a.address, b.address))
    .slice(0, maxPeers)
    .map(({ address }) => address)
    .sort(byText);
}

/**
 * The same with those that its StellarNode itself names, which come first where there are too many; without the names
 * by which the validator itself is reached from outside.
 */
export function outsideOf(
  { key, ownPeers, outwardNames }: Pick<Validator, 'key' | 'ownPeers' | 'outwardNames'>,
  { externals }: Pick<Group, 'externals'>,
  maxPeers: number,
): readonly string[] {
  if (ownPeers.length + outwardNames.length === 0) return externalsOf(key, { externals }, maxPeers);
  const self = new Set(outwardNames.map(({ address }) => address));
  const named = new Set(ownPeers.map(({ address }) => address));
  const own = externalsOf(key, { externals: [...named].filter((address) => !self.has(address)) }, maxPeers);
  const others = externals.filter((address) => !self.has(address) && !named.has(address));
  return [...own, ...externalsOf(key, { externals: others }, maxPeers - own.length)].sort(byText);
}

/** What stands in a validator's files: its view, then peers outside the cluster. */
export interface PeerList {
  readonly view: readonly Member[];
  readonly externals: readonly string[];
}

/** What is told of a listing: addresses of its members, and then those that are outside. */
interface Addresses {
  readonly members: readonly string[];
  readonly outside: readonly string[];
}

/** Replicas behind one advertised address share it, and an external peer may be one of ours: named once. */
function addressesOf({ view, externals }: PeerList): Addresses {
  const members = new Set(view.map(({ address }) => address));
  return { members: [...members], outside: externals.filter((address) => !members.has(address)) };
}

/** What the processes of the pod read. */
export interface ViewFiles {
  readonly txt: string;
  readonly toml: string;
}

/** The list, and the stellar-core fragment. */
export function viewFiles(peerList: PeerList): ViewFiles {
  const addresses = addressesOf(peerList);
  const { members, outside } = addresses;
  return { txt: [...members, ...outside, ''].join('\n'), toml: renderToml(addresses) };
}

/** The view for ourselves: JSON of texts that need no escaping. */
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

/** Stands before the first peer outside the cluster. */
const OUTSIDE_MARK = '  # outside the cluster\n';

/** Bytes of one validator's keys and texts, all of which are ASCII. */
export const viewBytes = (node: string, peerList: PeerList): number =>
  Object.entries(renderView(node, peerList, 0)).reduce(
    (sum, [key, text]) => sum + key.length + text.length,
    0,
  );

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
    read.set(node, text === undefined ? undefined : parseView(text));
  }
  return read.get(node);
}

/** What was read of each ConfigMap: each pass asks for every view in it several times. */
const readIn = new WeakMap<ConfigMapFacts, Map<string, PublishedView | undefined>>();

/** Ours have 16 characters. */
const HASH_LENGTH_MAX = 64;

function parseView(text: string): PublishedView | undefined {
  const fields = fieldsOf(parseJson(text));
  const digests = parseDigests(textOf(fields.peers) ?? '');
  const publishedAtMs = timeOf(fields.publishedAt);
  const hash = textOf(fields.hash);
  if (digests === undefined || publishedAtMs === undefined) return undefined;
  // It becomes a part of what we write: what is longer is not ours.
  if (hash === undefined || hash.length > HASH_LENGTH_MAX) return undefined;
  return { hash, publishedAtMs, digests };
}
