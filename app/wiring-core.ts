/**
 * Makes the reconciler and the parts that it needs. API server and clock are parameters, so the simulation runs the same
 * parts as the process. Owns which setting goes to which part; starts none of them.
 */
import { discover } from '../peers/discovery/discover.ts';
import { LEADER_LEASE } from '../peers/names.ts';
import type { Reason } from '../peers/reasons/reasons.ts';
import type { World } from '../peers/world.ts';
import { JournalStore } from '../reconciler/apply/journal-store.ts';
import { liveReads } from '../reconciler/apply/live-reads.ts';
import { Publisher } from '../reconciler/apply/publisher.ts';
import { RestartExecutor } from '../reconciler/apply/restart-executor.ts';
import { RestartQueue } from '../reconciler/apply/restart-queue.ts';
import { Reverter } from '../reconciler/apply/revert.ts';
import { SaltKeeper } from '../reconciler/apply/salt-keeper.ts';
import { Signaller } from '../reconciler/apply/signaller.ts';
import { Leader } from '../reconciler/leader/leader.ts';
import { whileLeading } from '../reconciler/leader/leading-kube.ts';
import { Setbacks } from '../reconciler/plan/restarts/setbacks.ts';
import { PlanningMemory } from '../reconciler/planning-memory.ts';
import { Reconciler } from '../reconciler/reconciler.ts';
import { Reporter } from '../reconciler/report/reporter.ts';
import type { Clock } from '../runtime/clock.ts';
import type { CoreClient } from '../runtime/core-client.ts';
import { Caches } from '../runtime/kube/caches.ts';
import { MembershipCache } from '../runtime/kube/membership.ts';
import type { Kube } from '../runtime/kube/port.ts';
import type { Reflector } from '../runtime/kube/reflector.ts';
import { Leases } from '../runtime/kube/resources.ts';
import type { Scope } from '../runtime/kube/sources.ts';
import { watchOne } from '../runtime/kube/watch-one.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Notifier, Subscribe } from '../runtime/notifier.ts';
import { Wake } from '../runtime/wake.ts';
import { discoverySettings, listed, rolloutSettings, type Settings } from './settings.ts';

/** The connections of a replica to the outside. The simulation passes its own. */
export interface Edges {
  readonly settings: Settings;
  /** Its wall-clock time is that of the API server. */
  readonly clock: Clock;
  readonly onClockCorrection: Subscribe;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly kube: Kube;
  /** Notified when a request has succeeded: then an outage of the API server, if there was one, is over. */
  readonly outage: Notifier;
}

/** The parts of every replica, whether it leads or not. */
export interface Core extends Edges {
  readonly caches: Caches;
  readonly memberships: MembershipCache;
  readonly leader: Leader;
  /** Watches the holder of the Lease, so that a replica tries for the lead as soon as the Lease is given up. */
  readonly leaseWatch: Reflector<unknown>;
}

const scopeOf = ({ namespace, watchNamespaces }: Settings): Scope => ({
  ownNamespace: namespace,
  watchNamespaces: listed(watchNamespaces),
});

/** The core of a replica that claims the Lease as `identity`. */
export function createCore(edges: Edges, identity: string): Core {
  const { settings, clock, log, kube } = edges;
  const caches = new Caches({ ...edges, scope: scopeOf(settings) });
  const lease = watchOne(edges, Leases, {
    namespace: settings.namespace,
    name: LEADER_LEASE,
    project: ({ spec }) => (spec as { holderIdentity?: string } | undefined)?.holderIdentity ?? '',
  });
  const leader = new Leader({
    kube,
    clock,
    log,
    namespace: settings.namespace,
    identity,
    leaseDurationMs: settings.leaseDurationSeconds * 1000,
    requestTimeoutMs: settings.requestTimeoutSeconds * 1000,
    onHolderChange: lease.onChange,
  });
  const memberships = new MembershipCache({
    caches,
    clock,
    settings: {
      ...discoverySettings(settings),
      maxPeers: settings.maxPeers,
      stabilizationMs: settings.stabilizationSeconds * 1000,
    },
    leaderAlive: () => leader.someoneLeads(),
  });
  return { ...edges, caches, memberships, leader, leaseWatch: lease.reflector };
}

/** The calls of the leader besides those to the API server. The simulation also passes its own reporter and queue. */
interface Outside {
  /** The client that calls validators; undefined if the settings allow no calls. */
  readonly core: CoreClient | undefined;
  /** Sends a test review to the webhook. Resolves to what is wrong with the answer, or to undefined. */
  readonly preflight: (world: World) => Promise<Reason | undefined>;
  /** The DNS domain of the cluster, if CLUSTER_DOMAIN is known to be wrong; otherwise undefined. */
  readonly rightDomain: () => string | undefined;
  readonly createReporter?: (...options: ConstructorParameters<typeof Reporter>) => Reporter;
  readonly createQueue?: (...options: ConstructorParameters<typeof RestartQueue>) => RestartQueue;
}

/** The leader's loop for one term of leadership. Nothing is remembered from an earlier term. */
export function createReconciler(parts: Core, outside: Outside): Reconciler {
  const { settings, clock, log, metrics, caches, memberships, leader } = parts;
  const { core, createReporter = (options) => new Reporter(options) } = outside;
  const { createQueue = (options) => new RestartQueue(options) } = outside;
  const kube = whileLeading(parts.kube, () => leader.leads());
  const ownNamespace = settings.namespace;
  const reporter = createReporter({ kube, clock, log, metrics, instance: settings.podName });
  const journal = new JournalStore({ kube, clock, namespace: ownNamespace });
  const discovery = discoverySettings(settings);
  const cached = () => ({ world: caches.world, discovery: memberships.discovery() });
  const room = () => caches.room.emptyCopy();
  const readLive = liveReads({ kube, scope: scopeOf(settings), clock, room, known: cached });
  const mayWrite = () => leader.leads();
  const discoverNow = (world: World) => discover(world, discovery);
  const setbacks = new Setbacks(clock);
  const restartSettings = rolloutSettings(settings);
  const memory = new PlanningMemory({
    ...{ clock, caches, memberships, journal, setbacks },
    settings: restartSettings,
  });
  const restartParts = { kube, clock, log, journal, readLive, discover: discoverNow, mayWrite, memory };
  const reverter = new Reverter(restartParts);
  const restarter = new RestartExecutor({ ...restartParts, probe: outside.preflight });
  const wake = new Wake(clock);
  const pollMs = settings.corePollSeconds * 1000;
  return new Reconciler({
    ...{ clock, log, metrics, caches, memberships, reporter, memory, wake },
    publisher: new Publisher({ kube, clock, log, ownNamespace }),
    salt: new SaltKeeper({ journal, clock, log, maxPeers: settings.maxPeers }),
    settings: restartSettings,
    signaller: core && new Signaller({ core, clock, log, metrics, pollMs, wake }),
    rightDomain: outside.rightDomain,
    onClockCorrection: parts.onClockCorrection,
    queue: createQueue({
      ...{ clock, log, metrics, journal, restarter, reverter, reporter, readLive, setbacks, wake },
    }),
  });
}
