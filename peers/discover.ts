/**
 * Discovery: StellarNodes, StatefulSets and pods → groups of members that may know each other.
 */
import { readExternals } from './external.ts';
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
  const builders = new Map<string, GroupBuilder>();
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
    if (skipped.has(key)) continue;
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

interface GroupBuilder {
  readonly network: Network;
  readonly validators: Validator[];
  readonly members: Member[];
  readonly existing: Set<string>;
}

function addTo(
  builders: Map<string, GroupBuilder>,
  groupKey: string,
  validator: Validator,
  { members, active }: { members: readonly Member[]; active: boolean },
): void {
  const builder = builders.get(groupKey) ?? {
    network: validator.network,
    validators: [],
    members: [],
    existing: new Set<string>(),
  };
  builders.set(groupKey, builder);
  builder.validators.push(validator);
  for (const member of members) builder.existing.add(member.digest);
  if (active) builder.members.push(...members);
}

function finishGroups(
  builders: ReadonlyMap<string, GroupBuilder>,
  externals: ReadonlyMap<string, readonly string[]>,
  before: ReadonlyMap<string, Group> | undefined,
): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const [key, builder] of builders) {
    builder.members.sort((a, b) => byText(a.identity, b.identity));
    const group = { key, ...builder, externals: externals.get(builder.network.id) ?? NOBODY };
    const known = before?.get(key);
    groups.set(key, known && isSame(known, group) ? known : group);
  }
  return groups;
}

const NOBODY: readonly string[] = [];

/** True where nothing of a group is another; the network is the validators' own. */
const isSame = (a: Group, b: Group): boolean =>
  isSameList(a.validators, b.validators) &&
  isSameList(a.members, b.members) &&
  isSameList(a.externals, b.externals) &&
  a.existing.size === b.existing.size &&
  [...a.existing].every((digest) => b.existing.has(digest));

const isSameList = <V>(a: readonly V[], b: readonly V[]): boolean =>
  a === b || (a.length === b.length && a.every((value, index) => value === b[index]));

const sortedEntries = <V>(map: ReadonlyMap<string, V>): Array<[string, V]> =>
  [...map].sort(([a], [b]) => byText(a, b));
