/** The data of `stellar-peers status`. Programs rely on the meaning of its fields. Pure. */
import type { Group } from '../../peers/discovery/discover.ts';
import type { Reason, ReasonCode } from '../../peers/reasons/reasons.ts';
import type { PublishedView } from '../../peers/views/views.ts';
import { type Key, keyOf, type NodeReading } from '../../peers/world.ts';
import { entriesOfGroup } from '../../reconciler/plan/journal/group-journal.ts';
import { openEntries } from '../../reconciler/plan/journal/journal.ts';
import { leastLeft } from '../../reconciler/plan/quorum/quorum-margin.ts';
import { GroupLinks } from '../../reconciler/plan/restarts/links.ts';
import { liveDigests } from '../../reconciler/plan/restarts/liveness.ts';
import { unavailabilityOf } from '../../reconciler/plan/restarts/max-unavailable.ts';
import { stateOf } from '../../reconciler/plan/status/validator-state.ts';
import { type ValidatorStatus, validatorStatus } from '../../reconciler/plan/status/validator-status.ts';
import { everything } from '../shown.ts';
import { type DecidedCluster, shownReason } from './current-reasons.ts';

export interface Count {
  readonly count: number;
  readonly of: number;
}

export type StatusReport = ReturnType<typeof statusReport>;
export type NetworkReport = StatusReport['networks'][number];
export type ValidatorReport = ReturnType<typeof validatorReport> | NonNullable<ReturnType<typeof outsider>>;

interface GroupStatus {
  readonly group: Group;
  readonly validators: readonly ValidatorStatus[];
}

/** The report of everything, or of some validators and the networks that they belong to. */
export function statusReport(cluster: DecidedCluster, isShown = everything) {
  const { world, discovery, settings } = cluster;
  const live = liveDigests(world, discovery);
  const groups = [...discovery.groups.values()]
    .filter(({ validators }) => validators.some(({ key }) => isShown(key)))
    .map((group) => ({
      group,
      validators: group.validators.map((validator) => validatorStatus(validator, cluster)),
    }));
  const validators: ValidatorReport[] = [
    ...groups.flatMap((status) => validatorReports(status, live, cluster)),
    ...[...world.nodes.values()].flatMap((reading) => outsider(reading, cluster) ?? []),
  ];
  return {
    rollout: world.configMaps.get(settings.namespace)?.rollout ?? null,
    networks: groups.map((status) => networkReport(status, live, cluster)),
    validators: validators.filter(({ namespace, name }) => isShown(keyOf(namespace, name))),
    waiting: reasonsIn(cluster, isShown).map(([subject, why]) => ({ subject, ...shownReason(why, subject) })),
  };
}

/** The reasons of the validators and namespaces that are shown. */
export const reasonsIn = (
  { reasons }: Pick<DecidedCluster, 'reasons'>,
  isShown = everything,
): Array<readonly [Key, Reason]> =>
  [...reasons].filter(([key]) => isShown(key)).flatMap(([key, all]) => all.map((why) => [key, why] as const));

function networkReport(
  { group, validators }: GroupStatus,
  live: ReadonlySet<string>,
  cluster: DecidedCluster,
) {
  const pods = validators.flatMap((status) => status.pods);
  const connected = pods.flatMap((pod) => connectedOf(pod) ?? []);
  const quorum = leastLeft(group, cluster);
  return {
    network: group.network.id,
    title: group.network.title,
    group: group.key,
    validators: { count: validators.filter(({ isUp }) => isUp).length, of: validators.length },
    peers: {
      known: sum(validators.flatMap(knownBy)),
      live: {
        count: group.members.filter(({ digest }) => live.has(digest)).length,
        of: group.members.length,
      },
      connected: connected.length === 0 ? null : sum(connected),
    },
    quorum: {
      tolerance: quorum?.bears ?? null,
      down: [...unavailabilityOf(group, cluster).down.keys()],
      margin: quorum?.left ?? null,
    },
    inFlight: openEntries(entriesOfGroup(cluster.world.journal, group) ?? []).map(
      ({ statefulSet, kind, drift, atMs }) => ({
        ...{ statefulSet, kind, drift },
        since: new Date(atMs).toISOString(),
      }),
    ),
    unadopted: validators.filter(({ isUnadopted }) => isUnadopted).map(({ validator: { key } }) => key),
    waiting: validators.filter(({ isWaiting }) => isWaiting).length,
  };
}

const sum = (counts: readonly Count[]): Count => ({
  count: counts.reduce((total, { count }) => total + count, 0),
  of: counts.reduce((total, { of }) => total + of, 0),
});

const knownBy = ({ pods, published }: ValidatorStatus): Count[] => {
  const digests = published?.digests ?? [];
  return pods.map(({ started }) => countIn(digests, new Set(started)));
};

const countIn = (digests: readonly string[], found: ReadonlySet<string>): Count => ({
  count: digests.filter((digest) => found.has(digest)).length,
  of: digests.length,
});

/** How many of its peers a pod is connected to; null if its HTTP port is not open to us. */
export const connectedOf = ({ connection }: ValidatorStatus['pods'][number]): Count | null =>
  connection ? { count: connection.connected, of: connection.expected } : null;

/** A published list in the form of the JSON and YAML output. */
export const shownView = (published: PublishedView | undefined) =>
  published
    ? {
        peers: published.digests.length,
        hash: published.hash,
        since: new Date(published.publishedAtMs).toISOString(),
      }
    : null;

function validatorReports(
  { group, validators }: GroupStatus,
  live: ReadonlySet<string>,
  cluster: DecidedCluster,
) {
  const links = new GroupLinks(group, { ...cluster, ownNamespace: cluster.settings.namespace });
  return validators.map((status) => validatorReport(status, { links, live, cluster }));
}

interface Context {
  readonly links: GroupLinks;
  readonly live: ReadonlySet<string>;
  readonly cluster: DecidedCluster;
}

function validatorReport(status: ValidatorStatus, { links, live, cluster }: Context) {
  const { validator, pods, published, ready, replicas } = status;
  const { key, namespace, name, network } = validator;
  const running = (published?.digests ?? []).filter((digest) => live.has(digest));
  return {
    network: network.id,
    namespace,
    name,
    ready: { count: ready, of: replicas },
    pods: pods.map((each) => {
      const { pod, started, connection } = each;
      const linked = started && countIn(running, new Set([...started, ...links.linkedTo(pod)]));
      return {
        name: pod.name,
        ready: pod.ready,
        injected: pod.injected,
        knows: started?.length ?? null,
        linked: linked ? { ...linked, of: published?.digests.length ?? 0 } : null,
        hash: started ? (pod.peerHash ?? null) : null,
        connected: connectedOf(each),
        synced: connection?.synced ?? null,
      };
    }),
    published: shownView(published),
    state: stateOf(key, cluster.reasons),
  };
}

/** A validator in no group: it cannot be read, or its namespace is not allowed for its network. */
function outsider(reading: NodeReading, { discovery: { skipped } }: DecidedCluster) {
  if (reading.kind === 'other') return undefined;
  const { key, namespace, name } = reading.kind === 'validator' ? reading.validator : reading.node;
  const state: ReasonCode | undefined = skipped.get(key)?.code;
  if (!state || (reading.kind === 'validator' && state !== 'NamespaceNotAllowed')) return undefined;
  const network = reading.kind === 'validator' ? reading.validator.network.id : null;
  return { network, namespace, name, ready: null, pods: [], published: null, state };
}
