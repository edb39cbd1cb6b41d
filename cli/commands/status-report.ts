/** What `stellar-peers status` knows, as data: networks, validators, what is under way and what waits. Pure. */
import type { Group } from '../../peers/discovery/discover.ts';
import { podsOf } from '../../peers/discovery/pods.ts';
import { parseDigests } from '../../peers/hash.ts';
import { isWaiting, type Reason } from '../../peers/reasons/reasons.ts';
import { type PublishedView, publishedView } from '../../peers/views/views.ts';
import { type Key, keyOf, type NodeReading, type PodFacts, type Validator } from '../../peers/world.ts';
import { entriesOfGroup } from '../../reconciler/plan/journal/group-journal.ts';
import { openEntries } from '../../reconciler/plan/journal/journal.ts';
import { type Connections, connectionsIn } from '../../reconciler/plan/publish/overview.ts';
import { leastLeft } from '../../reconciler/plan/quorum/quorum-margin.ts';
import { GroupLinks } from '../../reconciler/plan/restarts/links.ts';
import { liveDigests } from '../../reconciler/plan/restarts/liveness.ts';
import { unavailabilityOf } from '../../reconciler/plan/restarts/max-unavailable.ts';
import { isUp, stateOf } from '../../reconciler/plan/status/validator-state.ts';
import { everything } from '../shown.ts';
import type { ClusterSnapshot } from '../snapshot.ts';
import { type Decided, shownReason } from './current-reasons.ts';
import type { Count, NetworkStatus, PodStatus, StatusReport, ValidatorStatus } from './status-shape.ts';

type Seen = ClusterSnapshot &
  Decided & { readonly connections: Connections; readonly live: ReadonlySet<string> };

/** The report of everything, or of some validators and the networks that they belong to. */
export function statusReport(asked: ClusterSnapshot, decided: Decided, isShown = everything): StatusReport {
  const { world, discovery, settings } = asked;
  const own = world.configMaps.get(settings.namespace);
  const live = liveDigests(world, discovery);
  const seen: Seen = { ...asked, ...decided, connections: connectionsIn(own), live };
  const groups = [...discovery.groups.values()].filter(({ validators }) =>
    validators.some(({ key }) => isShown(key)),
  );
  return {
    rollout: own?.rollout ?? null,
    networks: groups.map((group) => networkStatus(group, seen)),
    validators: [
      ...groups.flatMap((group) => validatorStatuses(group, seen)),
      ...[...world.nodes.values()].flatMap((reading) => outside(reading, seen)),
    ].filter(({ namespace, name }) => isShown(keyOf(namespace, name))),
    waiting: reasonsIn(decided, isShown).map(([subject, why]) => ({ subject, ...shownReason(why, subject) })),
  };
}

/** All that is told, or what is told of those that are shown. */
export const reasonsIn = ({ told }: Decided, isShown = everything): Array<readonly [Key, Reason]> =>
  [...told].filter(([key]) => isShown(key)).flatMap(([key, all]) => all.map((why) => [key, why] as const));

function networkStatus(group: Group, seen: Seen): NetworkStatus {
  const { world, told, live } = seen;
  const { id, title } = group.network;
  const connected = group.validators
    .flatMap((validator) => livingPods(validator, seen))
    .flatMap((pod) => connectedOf(pod, seen) ?? []);
  const { down } = unavailabilityOf(group, seen);
  const quorum = leastLeft(group, seen);
  const members = group.members.filter(({ digest }) => live.has(digest)).length;
  const keys = group.validators.map(({ key }) => key);
  const isUpNow = (validator: Validator): boolean => isUp(validator, seen);
  return {
    network: id,
    title,
    group: group.key,
    validators: { count: group.validators.filter(isUpNow).length, of: keys.length },
    peers: {
      known: sum(group.validators.map((validator) => knownOf(validator, seen))),
      live: { count: members, of: group.members.length },
      connected: sumOrNull(connected),
    },
    quorum: {
      tolerance: quorum?.bears ?? null,
      down: [...down.keys()],
      margin: quorum?.left ?? null,
    },
    inFlight: openEntries(entriesOfGroup(world.journal, group) ?? []).map(
      ({ statefulSet, kind, drift, atMs }) => ({
        ...{ statefulSet, kind, drift },
        since: new Date(atMs).toISOString(),
      }),
    ),
    unadopted: keys.filter((key) => told.get(key)?.some(({ code }) => code === 'AwaitingAdoption')),
    waiting: keys.filter((key) => told.get(key)?.some(isWaiting)).length,
  };
}

const sum = (counts: readonly Count[]): Count => ({
  count: counts.reduce((total, { count }) => total + count, 0),
  of: counts.reduce((total, { of }) => total + of, 0),
});

const sumOrNull = (counts: readonly Count[]): Count | null => (counts.length === 0 ? null : sum(counts));

/** Of the peers that are published for it, those that its pods started with. */
function knownOf(validator: Validator, seen: Seen): Count {
  const digests = publishedOf(validator, seen)?.digests ?? [];
  const known = livingPods(validator, seen).map((pod) => {
    const started = new Set(startedWith(pod));
    return { count: digests.filter((digest) => started.has(digest)).length, of: digests.length };
  });
  return sum(known);
}

const publishedOf = ({ namespace, name }: Validator, { world }: Seen): PublishedView | undefined =>
  publishedView(world.configMaps.get(namespace), name);

const startedWith = ({ injected, peers }: PodFacts): readonly string[] =>
  injected && peers !== undefined ? (parseDigests(peers) ?? []) : [];

function livingPods({ key }: Validator, { world, discovery }: Seen): PodFacts[] {
  const statefulSet = discovery.statefulSetOf.get(key);
  return statefulSet ? podsOf(world, statefulSet) : [];
}

function connectedOf(pod: PodFacts, { connections }: Seen): Count | null {
  const connection = connections.get(pod.key);
  return connection ? { count: connection.connected, of: connection.expected } : null;
}

/** Of the peers that are published for a validator, those that run and are linked to this pod. */
function linkedOf(pod: PodFacts, published: PublishedView | undefined, { links, live }: Linking): Count {
  const digests = published?.digests ?? [];
  const known = new Set([...startedWith(pod), ...links.linkedTo(pod)]);
  return {
    count: digests.filter((digest) => live.has(digest) && known.has(digest)).length,
    of: digests.length,
  };
}

type Linking = Seen & { readonly links: GroupLinks };

const podStatuses = (validator: Validator, seen: Linking): PodStatus[] =>
  livingPods(validator, seen).map((pod) => {
    const { name, ready, injected, peers, peerHash } = pod;
    const isStamped = injected && peers !== undefined;
    return {
      ...{ name, ready, injected },
      knows: isStamped ? startedWith(pod).length : null,
      linked: isStamped ? linkedOf(pod, publishedOf(validator, seen), seen) : null,
      hash: isStamped ? (peerHash ?? null) : null,
      connected: connectedOf(pod, seen),
      synced: seen.connections.get(pod.key)?.synced ?? null,
    };
  });

function validatorStatuses(group: Group, seen: Seen): ValidatorStatus[] {
  const linking = {
    ...seen,
    links: new GroupLinks(group, { ...seen, ownNamespace: seen.settings.namespace }),
  };
  return group.validators.map((validator) => validatorStatus(validator, linking));
}

function validatorStatus(validator: Validator, seen: Linking): ValidatorStatus {
  const { key, namespace, name, network, replicas } = validator;
  const pods = podStatuses(validator, seen);
  const published = publishedOf(validator, seen);
  return {
    network: network.id,
    namespace,
    name,
    ready: {
      count: pods.filter(({ ready }) => ready).length,
      of: seen.discovery.statefulSetOf.get(key)?.replicas ?? replicas,
    },
    pods,
    published: published
      ? {
          peers: published.digests.length,
          hash: published.hash,
          since: new Date(published.publishedAtMs).toISOString(),
        }
      : null,
    state: stateOf(key, seen.told),
  };
}

/** One that is in no group: it cannot be read, or its namespace keeps it out. */
function outside(reading: NodeReading, { discovery: { skipped } }: Seen): ValidatorStatus[] {
  if (reading.kind === 'other') return [];
  const { key, namespace, name } = reading.kind === 'validator' ? reading.validator : reading.node;
  const code = skipped.get(key)?.code;
  if (code === undefined || (reading.kind === 'validator' && code !== 'NamespaceNotAllowed')) return [];
  const network = reading.kind === 'validator' ? reading.validator.network.id : null;
  return [{ network, namespace, name, ready: null, pods: [], published: null, state: code }];
}
