/**
 * Discovery: StellarNodes, StatefulSets and pods → groups of members that may know each other.
 */
import { isLabel } from './address.ts';
import { readExternals } from './external.ts';
import { digestOf, identityOf } from './hash.ts';
import type { Network } from './network.ts';
import { type Reason, reason } from './reasons.ts';
import { keptOut, type NetworkNamespaces } from './tenants.ts';
import {
  byText,
  type Key,
  keyOf,
  type NodeReading,
  type PodFacts,
  type StatefulSetFacts,
  type Validator,
  type World,
} from './world.ts';

/** One pod-to-be of a validator. */
export interface Member {
  /** `namespace/name-ordinal:port`. */
  readonly identity: string;
  readonly digest: string;
  /** Key of its StellarNode. */
  readonly node: Key;
  readonly namespace: string;
  readonly pod: string;
  readonly ordinal: number;
  readonly port: number;
  /** `<pod>.<service>.<namespace>.svc.<domain>`: known before any pod exists, unchanged by restarts. */
  readonly dns: string;
  /** What others dial: the DNS name and port, or what the StellarNode advertises instead. */
  readonly address: string;
}

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
}

export interface DiscoverySettings {
  readonly peerScope: 'cluster' | 'namespace';
  readonly clusterDomain: string;
  /** Absent where every network is open to all namespaces. */
  readonly networkNamespaces?: NetworkNamespaces;
}

/** A DNS label's limit (RFC 1035); stellar-core could not resolve a longer one. */
const LABEL_LENGTH_MAX = 63;

/** Name of the governing Service that the upstream operator names and never creates. */
const headlessNameOf = (node: string): string => `${node}-headless`;

/** Groups of all validators in `world`, and for each StellarNode that is no peer the reason. */
export function discover(world: World, settings: DiscoverySettings): Discovery {
  const skipped = new Map<Key, Reason>();
  const remarks = new Map<Key, Reason>();
  const statefulSetOf = new Map<Key, StatefulSetFacts>();
  const builders = new Map<string, GroupBuilder>();
  const groupOf = new Map<Key, string>();
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
    const members = membersOf(validator, statefulSet, settings);
    const why = skipReason(validator, statefulSet, members);
    if (why) skipped.set(key, why);
    addTo(builders, groupKey, validator, { members, active: why === undefined });
  }
  const externals = readExternals(world.external);
  if (world.external && externals.problem) remarks.set(world.external.key, externals.problem);
  const groups = finishGroups(builders, externals.byNetwork);
  return { groups, groupOf, skipped, remarks, statefulSetOf };
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

/** The pods of a StatefulSet, by owner UID: a stray pod with copied labels is never one. */
export function podOf(world: World, statefulSet: StatefulSetFacts, ordinal: number): PodFacts | undefined {
  const pod = world.pods.get(keyOf(statefulSet.namespace, `${statefulSet.name}-${ordinal}`));
  return pod?.ownerUid === statefulSet.uid ? pod : undefined;
}

function membersOf(
  validator: Validator,
  statefulSet: StatefulSetFacts | undefined,
  settings: DiscoverySettings,
): readonly Member[] {
  // A suspended validator's StatefulSet has 0 replicas; its pods-to-be are those of the StellarNode.
  const replicas = statefulSet && !validator.suspended ? statefulSet.replicas : validator.replicas;
  const service = serviceOf(validator, statefulSet);
  return Array.from({ length: replicas }, (_, ordinal) => {
    const pod = `${validator.name}-${ordinal}`;
    const identity = identityOf(validator.namespace, pod, validator.port);
    const dns = `${pod}.${service}.${validator.namespace}.svc.${settings.clusterDomain}`;
    return {
      identity,
      digest: digestOf(identity),
      node: validator.key,
      namespace: validator.namespace,
      pod,
      ordinal,
      port: validator.port,
      dns,
      address: validator.advertised ?? `${dns}:${validator.port}`,
    };
  });
}

const serviceOf = (validator: Validator, statefulSet: StatefulSetFacts | undefined): string =>
  statefulSet?.serviceName || headlessNameOf(validator.name);

function skipReason(
  validator: Validator,
  statefulSet: StatefulSetFacts | undefined,
  members: readonly Member[],
): Reason | undefined {
  if (validator.suspended) return reason('Suspended');
  // A pod's whole name is its host name, hence one label; its length also bounds the keys of ConfigMaps.
  const labels = members.flatMap((member) => [member.pod, ...member.dns.split('.')]);
  const tooLong = labels.find((label) => label.length > LABEL_LENGTH_MAX);
  if (tooLong !== undefined) return reason('NameTooLong', tooLong);
  // The API server takes any text there, lines and quotes included, and others would find it in their files.
  const service = serviceOf(validator, statefulSet);
  return isLabel(service) ? undefined : reason('InvalidServiceName', JSON.stringify(service.slice(0, 60)));
}

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
): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const [key, builder] of builders) {
    builder.members.sort((a, b) => byText(a.identity, b.identity));
    groups.set(key, { key, ...builder, externals: externals.get(builder.network.id) ?? [] });
  }
  return groups;
}

const sortedEntries = <V>(map: ReadonlyMap<string, V>): Array<[string, V]> =>
  [...map].sort(([a], [b]) => byText(a, b));
