/** Discovery: StellarNodes, StatefulSets and pods → groups of members that may know each other. */
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

export type { Member };

/** Validators that may know each other: those of one network, with scope `namespace` within one namespace. */
export interface Group {
  /** Network id; with scope `namespace`, `<namespace>.` in front. Valid as a ConfigMap key and as a metric label. */
  readonly key: string;
  readonly network: Network;
  /** All validators, suspended ones included, in order of key. */
  readonly validators: readonly Validator[];
  /** Of the active validators, in order of identity: every pod that exists, and at most three more of each. */
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
  readonly statefulSetOf: ReadonlyMap<Key, StatefulSetFacts>;
  readonly salt: string;
  /** Validators that are active peers, by namespace, in order of key. */
  readonly activeIn: ReadonlyMap<string, readonly Validator[]>;
}

/** A cluster, and the groups in it. */
export interface Cluster {
  readonly world: World;
  readonly discovery: Discovery;
}

/** A cluster at one time. */
export interface Moment extends Cluster {
  /** Wall-clock ms since the epoch. */
  readonly nowMs: number;
}

export interface DiscoverySettings {
  readonly peerScope: 'cluster' | 'namespace';
  readonly clusterDomain: string;
  readonly networkNamespaces?: NetworkNamespaces;
}

/** Pods that ran lately, with their StatefulSet's UID. They count as running, so a restart changes no list. */
export type RanLately = ReadonlyMap<Key, string>;

/** Groups of all validators in `world`, and for each StellarNode that is no peer the reason. */
export function discover(
  world: World,
  settings: DiscoverySettings,
  lately: RanLately = new Map(),
): Discovery {
  const skipped = new Map<Key, Reason>();
  const remarks = new Map<Key, Reason>();
  const statefulSetOf = new Map<Key, StatefulSetFacts>();
  const groupOf = new Map<Key, string>();
  const memberships: Membership[] = [];
  for (const [key, reading] of [...world.nodes].sort(([a], [b]) => byText(a, b))) {
    const outside = outsideBecause(reading, settings);
    if (outside) skipped.set(key, outside);
    if (reading.kind !== 'validator') continue;
    const { validator } = reading;
    if (validator.remark) remarks.set(key, validator.remark);
    groupOf.set(key, groupKeyOf(validator, settings));
    if (outside) continue;
    const statefulSet = ownStatefulSet(world, validator);
    if (statefulSet) statefulSetOf.set(key, statefulSet);
    const runs = (pod: Key) => statefulSet && runsIn(world, lately, pod, statefulSet);
    const membership = membershipOf(validator, statefulSet, settings.clusterDomain, runs);
    if (membership.unfit) skipped.set(key, membership.unfit);
    memberships.push(membership);
  }
  const salt = saltOf(world);
  const externalsBy = externalsIn(world, remarks);
  const groups = new Map<string, Group>();
  for (const [key, own] of Map.groupBy(memberships, ({ validator }) => groupOf.get(validator.key) ?? '')) {
    const group = groupWith(key, own, { salt, externalsBy });
    remarkUncounted(group, own, remarks);
    groups.set(key, group);
  }
  const active = memberships.map(({ validator }) => validator).filter(({ key }) => !skipped.has(key));
  const activeIn = Map.groupBy(active, ({ namespace }) => namespace);
  return { groups, groupOf, skipped, remarks, statefulSetOf, salt, activeIn };
}

/** Whether a pod of the StatefulSet runs; undefined if there is no such pod. */
function runsIn(
  { pods }: World,
  lately: RanLately,
  key: Key,
  { uid }: StatefulSetFacts,
): boolean | undefined {
  if (lately.get(key) === uid) return true;
  const pod = pods.get(key);
  return pod?.ownerUid === uid ? pod.running : undefined;
}

type Externals = ReadonlyMap<string, readonly string[]>;

/** Peers outside the cluster, by network. Adds a remark for entries that cannot be used. */
function externalsIn({ external }: World, remarks: Map<Key, Reason>): Externals {
  const { byNetwork, problem } = readExternals(external);
  if (external && problem) remarks.set(external.key, problem);
  return byNetwork;
}

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

function groupWith(
  key: string,
  memberships: readonly Membership[],
  { salt, externalsBy }: { readonly salt: string; readonly externalsBy: Externals },
): Group {
  const validators = memberships.map(({ validator }) => validator);
  const network = (validators[0] as Validator).network;
  const active = memberships.filter(({ unfit }) => !unfit);
  const members = active.flatMap((each) => each.members).sort((a, b) => byText(a.identity, b.identity));
  const running = new Set(active.flatMap((each) => each.running));
  const sinceMs = new Map(validators.map(({ key: node, createdAtMs }) => [node, createdAtMs]));
  const shares = sharesOf(members, (member) => ({
    runs: running.has(member),
    sinceMs: sinceMs.get(member.node) ?? 0,
  }));
  const externals = externalsBy.get(network.id) ?? [];
  return {
    key,
    network,
    validators,
    members,
    running,
    salt,
    externals,
    ...shares,
    ...existingOf(memberships),
  };
}

/** Adds a remark to StellarNodes with members that may not be listed. */
function remarkUncounted(
  { cut }: Group,
  memberships: readonly Membership[],
  remarks: Map<Key, Reason>,
): void {
  for (const [key, count] of cut) {
    if (!remarks.has(key)) remarks.set(key, reason('ShareSpent', `${count} of its pods`));
  }
  for (const { validator, replicas, members } of memberships) {
    const { key, suspended } = validator;
    if (suspended || replicas === members.length || remarks.has(key)) continue;
    remarks.set(key, reason('PodsNotSeen', `${replicas - members.length} of ${replicas}`));
  }
}
