/**
 * What `stellar-peers status` knows, as data: networks, validators, what is under way and what waits. Pure.
 * The fields are a promise to programs: docs/command.md has them, and none changes its meaning.
 */
import type { Group } from '../peers/discover.ts';
import { parseDigests } from '../peers/hash.ts';
import { podsOf } from '../peers/pods.ts';
import { type PublishedView, publishedView } from '../peers/views.ts';
import type { Key, NodeReading, PodFacts, Validator } from '../peers/world.ts';
import { openEntries, readJournal } from '../reconciler/journal.ts';
import { liveDigests } from '../reconciler/liveness.ts';
import { marginOf } from '../reconciler/margin.ts';
import { type Connections, connectionsIn } from '../reconciler/overview.ts';
import type { Asked } from './asked.ts';
import { type Decided, type ToldReason, toldReason } from './reasons-now.ts';

/** So many of so many. */
export interface Count {
  readonly count: number;
  readonly of: number;
}

export interface Underway {
  readonly statefulSet: Key;
  readonly kind: string;
  readonly drift: string;
  readonly since: string;
}

export interface NetworkStatus {
  readonly network: string;
  readonly title: string;
  /** The network, with PEER_SCOPE=namespace after its namespace: who may know each other. */
  readonly group: string;
  /** Validators that are up, of all. */
  readonly validators: Count;
  readonly peers: {
    /** Peers that the pods started with, of those that are published for them. */
    readonly known: Count;
    /** Members of the network whose pods run. */
    readonly live: Count;
    /** Connections between them, of those wanted; null where no HTTP port is open to us. */
    readonly connected: Count | null;
  };
  readonly quorum: {
    /** How many the strictest quorum set bears down; null where one cannot be read. */
    readonly tolerance: number | null;
    readonly down: readonly Key[];
    /** How many more it would bear now; null where that is not known. */
    readonly margin: number | null;
  };
  readonly inFlight: readonly Underway[];
  readonly unadopted: readonly Key[];
  /** Validators with a reason of any kind. */
  readonly waiting: number;
}

interface PodStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly injected: boolean;
  /** How many peers it started with; null where it was not injected. */
  readonly knows: number | null;
  readonly hash: string | null;
  readonly connected: Count | null;
  readonly synced: boolean | null;
}

export interface ValidatorStatus {
  readonly network: string | null;
  readonly namespace: string;
  readonly name: string;
  readonly ready: Count | null;
  readonly pods: readonly PodStatus[];
  readonly published: { readonly peers: number; readonly hash: string; readonly since: string } | null;
  readonly state: string;
}

export interface StatusReport {
  /** What stands on the ConfigMap that all restarts obey; null for nothing. */
  readonly rollout: string | null;
  readonly networks: readonly NetworkStatus[];
  readonly validators: readonly ValidatorStatus[];
  readonly waiting: ReadonlyArray<{ readonly subject: Key } & ToldReason>;
}

type Seen = Asked & Decided & { readonly connections: Connections };

/** The report of everything, or of one namespace and the networks that reach into it. */
export function statusReport(asked: Asked, decided: Decided, namespace?: string): StatusReport {
  const { world, discovery, settings } = asked;
  const own = world.configMaps.get(settings.namespace);
  const seen: Seen = { ...asked, ...decided, connections: connectionsIn(own) };
  const isWanted = (key: Key): boolean => namespace === undefined || isIn(namespace, key);
  const live = liveDigests(world, discovery);
  const groups = [...discovery.groups.values()].filter(({ validators }) =>
    validators.some(({ key }) => isWanted(key)),
  );
  const validators = groups.flatMap((group) => group.validators);
  return {
    rollout: own?.rollout ?? null,
    networks: groups.map((group) => networkStatus(group, live, seen)),
    validators: [
      ...validators.map((validator) => validatorStatus(validator, seen)),
      ...[...world.nodes.values()].flatMap((reading) => outside(reading, seen)),
    ].filter((each) => namespace === undefined || each.namespace === namespace),
    waiting: [...decided.reasons]
      .filter(([key]) => isWanted(key))
      .map(([subject, why]) => ({ subject, ...toldReason(why) })),
  };
}

/** True of an object of the namespace, and of the namespace itself. */
const isIn = (namespace: string, key: Key): boolean => key === namespace || key.startsWith(`${namespace}/`);

function networkStatus(group: Group, live: ReadonlySet<string>, seen: Seen): NetworkStatus {
  const { world, reasons } = seen;
  const { id, title } = group.network;
  const pods = group.validators.flatMap((validator) => podStatuses(validator, seen));
  const { down, tolerance = null } = marginOf(group, seen);
  const members = group.members.filter(({ digest }) => live.has(digest)).length;
  const keys = group.validators.map(({ key }) => key);
  return {
    network: id,
    title,
    group: group.key,
    validators: { count: keys.filter((key) => !down.has(key)).length, of: keys.length },
    peers: {
      known: sum(group.validators.map((validator) => knownOf(validator, seen))),
      live: { count: members, of: group.members.length },
      connected: sumOrNull(pods.flatMap(({ connected }) => connected ?? [])),
    },
    quorum: {
      // A set that nothing restricts bears any number, for which JSON has no word.
      tolerance: tolerance === Number.POSITIVE_INFINITY ? null : tolerance,
      down: [...down.keys()],
      margin: tolerance === null || tolerance === Number.POSITIVE_INFINITY ? null : tolerance - down.size,
    },
    inFlight: openEntries(readJournal(world.journal, group.key) ?? []).map(
      ({ statefulSet, kind, drift, atMs }) => ({
        ...{ statefulSet, kind, drift },
        since: new Date(atMs).toISOString(),
      }),
    ),
    unadopted: keys.filter((key) => reasons.get(key)?.code === 'AwaitingAdoption'),
    waiting: keys.filter((key) => reasons.has(key)).length,
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

const podStatuses = (validator: Validator, seen: Seen): PodStatus[] =>
  livingPods(validator, seen).map((pod) => {
    const connection = seen.connections.get(pod.key);
    const { name, ready, injected, peers, peerHash } = pod;
    const isStamped = injected && peers !== undefined;
    return {
      ...{ name, ready, injected },
      knows: isStamped ? startedWith(pod).length : null,
      hash: isStamped ? (peerHash ?? null) : null,
      connected: connection ? { count: connection.connected, of: connection.expected } : null,
      synced: connection?.synced ?? null,
    };
  });

/** One validator of a group. */
function validatorStatus(validator: Validator, seen: Seen): ValidatorStatus {
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
    state: seen.reasons.get(key)?.code ?? (pods.length === 0 ? 'NoPods' : 'Current'),
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
