/**
 * Discovery: StellarNodes, StatefulSets and pods → groups of members that may know each other.
 */
import { readExternals } from './external.ts';
import { isSameList } from './field.ts';
import type { Network } from './network.ts';
import { type Reason, reason } from './reasons.ts';
import { type Member, rosterOf } from './roster.ts';
import { keptOut, type NetworkNamespaces } from './tenants.ts';
import {
  byText,
  type Key,
  type NodeReading,
  type StatefulSetFacts,
  type Validator,
  type World,
} from './world.ts';

export type { Member };

/** Validators that may know each other: one network, and with scope `namespace` one namespace of it. */
export interface Group {
  /** Network id, with scope `namespace` after `<namespace>.`: fit for a ConfigMap key and a metric label. */
  readonly key: string;
  readonly network: Network;
  /** All validators, suspended ones included, in order of key. */
  readonly validators: readonly Validator[];
  /** Members of the active ones, in order of identity. */
  readonly members: readonly Member[];
  /** Addresses of its peers outside the cluster, which are no members. */
  readonly externals: readonly string[];
  /** Digests of all members that still exist, those of suspended validators included. */
  readonly existing: ReadonlySet<string>;
}

export interface Discovery {
  readonly groups: ReadonlyMap<string, Group>;
  /** Group key by StellarNode, also of those whose namespace keeps them out of it. */
  readonly groupOf: ReadonlyMap<Key, string>;
  /** StellarNodes that are no peers, and why. */
  readonly skipped: ReadonlyMap<Key, Reason>;
  /** StellarNodes (and the ConfigMap of external peers) of which a part cannot be used, and why. */
  readonly remarks: ReadonlyMap<Key, Reason>;
  /** StatefulSet of each validator that has one of its own. */
  readonly statefulSetOf: ReadonlyMap<Key, StatefulSetFacts>;
  /** Validators that are active peers, by namespace, in order of key. */
  readonly activeIn: ReadonlyMap<string, readonly Validator[]>;
}

export interface DiscoverySettings {
  readonly peerScope: 'cluster' | 'namespace';
  readonly clusterDomain: string;
  /** Absent where every network is open to all namespaces. */
  readonly networkNamespaces?: NetworkNamespaces;
}

/**
 * Groups of all validators in `world`, and for each StellarNode that is no peer the reason. A group that is as it was
 * in the discovery `before` is the very same object, so that whoever made something of it need not make it again.
 */
export function discover(world: World, settings: DiscoverySettings, before?: Discovery): Discovery {
  const skipped = new Map<Key, Reason>();
  const remarks = new Map<Key, Reason>();
  const statefulSetOf = new Map<Key, StatefulSetFacts>();
  const builders = new Map<string, Parts>();
  const groupOf = new Map<Key, string>();
  const activeIn = new Map<string, Validator[]>();
  for (const [key, reading] of sortedEntries(world.nodes)) {
    const outside = outsideBecause(reading, settings);
    if (outside) skipped.set(key, outside);
    if (reading.kind !== 'validator') continue;
    const { validator } = reading;
    if (validator.remark) remarks.set(key, validator.remark);
    const groupKey = groupKeyOf(validator, settings);
    groupOf.set(key, groupKey);
    if (outside) continue;
    const statefulSet = ownStatefulSet(world, validator);
    if (statefulSet) statefulSetOf.set(key, statefulSet);
    const { members, unfit } = rosterOf(validator, statefulSet, settings);
    const why = skipReason(validator, unfit);
    if (why) skipped.set(key, why);
    else pushTo(activeIn, validator.namespace, validator);
    addTo(builders, groupKey, validator, { members, active: why === undefined });
  }
  const groups = finishGroups(builders, externalsIn(world, remarks), before?.groups);
  return { groups, groupOf, skipped, remarks, statefulSetOf, activeIn };
}

/** Peers outside the cluster by network; what of them cannot be used is remarked. */
function externalsIn({ external }: World, remarks: Map<Key, Reason>): ReadonlyMap<string, readonly string[]> {
  const { byNetwork, problem } = readExternals(external);
  if (external && problem) remarks.set(external.key, problem);
  return byNetwork;
}

function pushTo<V>(lists: Map<string, V[]>, key: string, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/** Why a StellarNode is in no group at all, nobody's peer and nobody's concern. */
function outsideBecause(reading: NodeReading, { networkNamespaces }: DiscoverySettings): Reason | undefined {
  if (reading.kind === 'unreadable') return reading.reason;
  return reading.kind === 'validator' ? keptOut(reading.validator, networkNamespaces) : undefined;
}

function groupKeyOf(validator: Validator, settings: DiscoverySettings): string {
  const { id } = validator.network;
  return settings.peerScope === 'cluster' ? id : `${validator.namespace}.${id}`;
}

/** The StatefulSet of the validator's name, if the StellarNode controls it: a name alone proves nothing. */
export function ownStatefulSet(world: World, validator: Validator): StatefulSetFacts | undefined {
  const found = world.statefulSets.get(validator.key);
  return found?.ownerUid === validator.uid ? found : undefined;
}

const skipReason = ({ suspended }: Validator, unfit: Reason | undefined): Reason | undefined =>
  suspended ? reason('Suspended') : unfit;

/** What a group is made of. */
interface Parts {
  readonly network: Network;
  readonly validators: Validator[];
  /** The pods-to-be of each of them, in the same order; those of the active ones are members. */
  readonly rosters: Array<readonly Member[]>;
  readonly active: Array<readonly Member[]>;
}

function addTo(
  builders: Map<string, Parts>,
  groupKey: string,
  validator: Validator,
  { members, active }: { members: readonly Member[]; active: boolean },
): void {
  const { network } = validator;
  const parts = builders.get(groupKey) ?? { network, validators: [], rosters: [], active: [] };
  if (parts.validators.length === 0) builders.set(groupKey, parts);
  parts.validators.push(validator);
  parts.rosters.push(members);
  if (active) parts.active.push(members);
}

function finishGroups(
  builders: ReadonlyMap<string, Parts>,
  externalsBy: ReadonlyMap<string, readonly string[]>,
  before: ReadonlyMap<string, Group> | undefined,
): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const [key, parts] of builders) {
    const externals = externalsBy.get(parts.network.id) ?? NOBODY;
    const known = before?.get(key);
    groups.set(key, known && isMadeOf(known, parts, externals) ? known : groupOfParts(key, parts, externals));
  }
  return groups;
}

const NOBODY: readonly string[] = [];

/** What each group was made of: rosters stay the same lists while nothing in them changes. */
const partsOf = new WeakMap<Group, Parts>();

function groupOfParts(key: string, parts: Parts, externals: readonly string[]): Group {
  const { network, validators, rosters, active } = parts;
  const members: Member[] = [];
  // Not `flat`, which looks at each place of each list twice.
  for (const roster of active) members.push(...roster);
  members.sort((a, b) => byText(a.identity, b.identity));
  const existing = new Set<string>();
  for (const roster of rosters) for (const { digest } of roster) existing.add(digest);
  const group = { key, network, validators, members, externals, existing };
  partsOf.set(group, parts);
  return group;
}

/** True where nothing of a group is another; the network is the validators' own. */
function isMadeOf(group: Group, parts: Parts, externals: readonly string[]): boolean {
  const known = partsOf.get(group);
  return (
    known !== undefined &&
    isSameList(known.validators, parts.validators) &&
    isSameList(known.rosters, parts.rosters) &&
    isSameList(known.active, parts.active) &&
    isSameList(group.externals, externals)
  );
}

const sortedEntries = <V>(map: ReadonlyMap<string, V>): Array<[string, V]> =>
  [...map].sort(([a], [b]) => byText(a, b));
