/**
 * Discovery: StellarNodes, StatefulSets and pods → groups of members that may know each other.
 */

import { pushAll } from '../lists.ts';
import { type Reason, reason } from '../reasons/reasons.ts';
import { saltOf } from '../views/salt.ts';
import { sharesOf } from '../views/shares.ts';
import {
  byText,
  type Key,
  type NodeReading,
  type StatefulSetFacts,
  type Validator,
  type World,
} from '../world.ts';
import { readExternals } from './external.ts';
import { existingOf, type Member, type Membership, membershipOf } from './members.ts';
import { keptOut, type NetworkNamespaces } from './namespace-allowlist.ts';
import type { Network } from './network.ts';
import { podStatesIn, type RanLately } from './pod-states.ts';

export type { Member };

/**
 * Validators that may know each other: those of one network, or, with scope `namespace`, those of one network in one
 * namespace.
 */
export interface Group {
  /** Network id; with scope `namespace`, `<namespace>.` in front. Valid as a ConfigMap key and as a metric label. */
  readonly key: string;
  readonly network: Network;
  /** All validators, suspended ones included, in order of key. */
  readonly validators: readonly Validator[];
  /**
   * Members of the active validators, in order of identity: every pod that exists, and at most three more of each
   * validator.
   */
  readonly members: readonly Member[];
  /** The members that may be listed as peers: all of them, unless the group is very large. */
  readonly listed: readonly Member[];
  /** The members whose pods run, or ran lately. */
  readonly running: ReadonlySet<Member>;
  /** How many members of a StellarNode may not be listed as peers. */
  readonly cut: ReadonlyMap<Key, number>;
  /** The salt of the weights by which peers are chosen, the same for all groups. */
  readonly salt: string;
  /** Addresses of the network's peers outside the cluster, which are no members. */
  readonly externals: readonly string[];
  /** Digests of all possible pods of all its validators, also of suspended ones and of ordinals that do not count. */
  readonly existing: ReadonlySet<string>;
  /** True if there are more than `existing` holds. Then no digest can be said to belong to a peer that is gone. */
  readonly hasMore: boolean;
}

export interface Discovery {
  readonly groups: ReadonlyMap<string, Group>;
  /** Group key by StellarNode. StellarNodes that NETWORK_NAMESPACES keeps out have one too. */
  readonly groupOf: ReadonlyMap<Key, string>;
  /** StellarNodes that are no peers, and why. */
  readonly skipped: ReadonlyMap<Key, Reason>;
  /** StellarNodes, and the ConfigMap of external peers, with a part that cannot be used, and why. */
  readonly remarks: ReadonlyMap<Key, Reason>;
  /** StatefulSet of each validator that has one of its own. */
  readonly statefulSetOf: ReadonlyMap<Key, StatefulSetFacts>;
  readonly salt: string;
  /** Validators that are active peers, by namespace, in order of key. */
  readonly activeIn: ReadonlyMap<string, readonly Validator[]>;
}

export interface DiscoverySettings {
  readonly peerScope: 'cluster' | 'namespace';
  readonly clusterDomain: string;
  /** Absent where every network is open to all namespaces. */
  readonly networkNamespaces?: NetworkNamespaces;
}

/** Groups of all validators in `world`, and for each StellarNode that is no peer the reason. */
export function discover(world: World, settings: DiscoverySettings, lately?: RanLately): Discovery {
  const podStates = podStatesIn(world, lately);
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
    const membership = membershipOf(validator, statefulSet, settings, podStates.get(statefulSet?.uid ?? ''));
    const why = skipReason(validator, membership.unfit);
    if (why) skipped.set(key, why);
    else pushTo(activeIn, validator.namespace, validator);
    addTo(builders, groupKey, validator, { membership, active: why === undefined });
  }
  const salt = saltOf(world);
  const externalsBy = externalsIn(world, remarks);
  const withGroup = ([key, parts]: [string, Parts]) => {
    const group = groupOfParts(key, parts, { salt, externals: externalsBy.get(parts.network.id) ?? [] });
    remarkUncounted(group, parts, remarks);
    return [key, group] as const;
  };
  const groups = new Map([...builders].map(withGroup));
  return { groups, groupOf, skipped, remarks, statefulSetOf, salt, activeIn };
}

/** Peers outside the cluster, by network. Adds a remark for entries that cannot be used. */
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

/** Why a StellarNode is in no group at all, and no peer of others. */
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

/** The parts of a group while it is built. */
interface Parts {
  readonly network: Network;
  readonly validators: Validator[];
  /** The possible pods of each validator, in the same order. Those of active validators become members. */
  readonly rosters: Membership[];
  readonly active: Membership[];
}

function addTo(
  builders: Map<string, Parts>,
  groupKey: string,
  validator: Validator,
  { membership, active }: { membership: Membership; active: boolean },
): void {
  const { network } = validator;
  const parts = builders.get(groupKey) ?? { network, validators: [], rosters: [], active: [] };
  if (parts.validators.length === 0) builders.set(groupKey, parts);
  parts.validators.push(validator);
  parts.rosters.push(membership);
  if (active) parts.active.push(membership);
}

function groupOfParts(key: string, parts: Parts, shared: Pick<Group, 'salt' | 'externals'>): Group {
  const { network, validators, active } = parts;
  const members: Member[] = [];
  const running = new Set<Member>();
  // Not `flat`, which visits every item of every list twice.
  for (const membership of active) {
    pushAll(members, membership.members);
    for (const member of membership.running) running.add(member);
  }
  members.sort((a, b) => byText(a.identity, b.identity));
  const sinceMs = new Map(validators.map(({ key: node, createdAtMs }) => [node, createdAtMs]));
  const shares = sharesOf(members, (member) => ({
    runs: running.has(member),
    sinceMs: sinceMs.get(member.node) ?? 0,
  }));
  return { key, network, validators, members, running, ...shared, ...shares, ...existingOf(parts) };
}

/** Adds a remark to StellarNodes with members that may not be listed. */
function remarkUncounted({ cut }: Group, { validators, rosters }: Parts, remarks: Map<Key, Reason>): void {
  for (const [key, count] of cut) {
    if (!remarks.has(key)) remarks.set(key, reason('ShareSpent', `${count} of its pods`));
  }
  for (const [index, { replicas, members }] of rosters.entries()) {
    const { key, suspended } = validators[index] as Validator;
    if (suspended || replicas === members.length || remarks.has(key)) continue;
    remarks.set(key, reason('PodsNotSeen', `${replicas - members.length} of ${replicas}`));
  }
}

const sortedEntries = <V>(map: ReadonlyMap<string, V>): Array<[string, V]> =>
  [...map].sort(([a], [b]) => byText(a, b));
