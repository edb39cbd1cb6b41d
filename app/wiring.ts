/**
 * Makes the parts of one replica out of its settings. Owns which setting goes where; nothing runs yet.
 */
import { Latest } from '../certs/current.ts';
import { ServedBundle } from '../certs/serving.ts';
import type { Bundle } from '../certs/source.ts';
import { Trust } from '../certs/trust.ts';
import { discover } from '../peers/discovery/discover.ts';
import { COMPONENT, LEADER_LEASE } from '../peers/names.ts';
import type { World } from '../peers/world.ts';
import { JournalStore } from '../reconciler/apply/journal-store.ts';
import { liveReads } from '../reconciler/apply/live-reads.ts';
import { preflightWebhook } from '../reconciler/apply/preflight.ts';
import { Publisher } from '../reconciler/apply/publisher.ts';
import { RestartExecutor } from '../reconciler/apply/restart-executor.ts';
import { RestartQueue } from '../reconciler/apply/restart-queue.ts';
import { Reverter } from '../reconciler/apply/revert.ts';
import { SaltKeeper } from '../reconciler/apply/salt-keeper.ts';
import { Signaller } from '../reconciler/apply/signaller.ts';
import { Leader } from '../reconciler/leader/leader.ts';
import { whileLeading } from '../reconciler/leader/leading-kube.ts';
import { newIdentity } from '../reconciler/leader/lease.ts';
import { Reconciler } from '../reconciler/reconciler.ts';
import { Reporter } from '../reconciler/report/reporter.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { createCoreClient } from '../runtime/core-client.ts';
import { Caches } from '../runtime/kube/caches.ts';
import { createKube } from '../runtime/kube/client.ts';
import { loadKubeConfig } from '../runtime/kube/kubeconfig.ts';
import { MembershipCache } from '../runtime/kube/membership.ts';
import type { Kube } from '../runtime/kube/port.ts';
import type { Reflector } from '../runtime/kube/reflector.ts';
import { Leases } from '../runtime/kube/resources.ts';
import { ServerTime } from '../runtime/kube/server-time.ts';
import { watchOne } from '../runtime/kube/watch-one.ts';
import { createLog, type Log } from '../runtime/log.ts';
import { Metrics } from '../runtime/metrics.ts';
import { Notifier, type Subscribe } from '../runtime/notifier.ts';
import { listed, type Settings } from './settings.ts';
import { discoverySettings, rolloutSettings } from './wiring-settings.ts';

/** One call to a validator: its answer to `peers` is some 100 bytes for each of at most 72 connections. */
const CORE_TIMEOUT_MS = 3_000;
const CORE_BYTES_MAX = 512 * 1024;

export interface Parts {
  readonly settings: Settings;
  /** With wall-clock time as the API server has it. */
  readonly clock: Clock;
  /** Calls back after that was corrected; returns what ends it. */
  readonly onClockCorrection: Subscribe;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly kube: Kube;
  readonly caches: Caches;
  /** Notified when a request has succeeded. */
  readonly outage: Notifier;
  readonly memberships: MembershipCache;
  readonly leader: Leader;
  /** Wakes the leader's election when the Lease is given back. */
  readonly leaseWatch: Reflector<unknown>;
  /** The newest certificate, served or about to be. */
  readonly bundle: Latest<Bundle>;
  readonly served: ServedBundle;
  readonly trust: Trust;
}

/** All parts of a replica, none of them running. Throws where no cluster is configured. */
export function createParts(settings: Settings, env: NodeJS.ProcessEnv): Parts {
  const log = createLog(settings.logLevel);
  const serverTime = new ServerTime(systemClock);
  const { clock } = serverTime;
  const outage = new Notifier();
  const kube = createKube(loadKubeConfig({ env, nowMs: () => clock.nowMs() }), {
    clock,
    timeoutMs: settings.requestTimeoutSeconds * 1000,
    userAgent: COMPONENT,
    onDate: (dateMs) => serverTime.note(dateMs),
    onSuccess: () => outage.notify(),
  });
  const scope = { ownNamespace: settings.namespace, watchNamespaces: listed(settings.watchNamespaces) };
  const caches = new Caches({ kube, clock, log, scope, outage });
  const lease = watchOne({ kube, clock, log, outage }, Leases, {
    namespace: settings.namespace,
    name: LEADER_LEASE,
    project: ({ spec }) => (spec as { holderIdentity?: string } | undefined)?.holderIdentity ?? '',
  });
  const leader = new Leader({
    kube,
    clock,
    log,
    namespace: settings.namespace,
    identity: newIdentity(settings.podName),
    leaseDurationMs: settings.leaseDurationSeconds * 1000,
    requestTimeoutMs: settings.requestTimeoutSeconds * 1000,
    onHolderChange: lease.onChange,
  });
  const stabilizationMs = settings.stabilizationSeconds * 1000;
  const directorySettings = { ...discoverySettings(settings), maxPeers: settings.maxPeers, stabilizationMs };
  const memberships = new MembershipCache({
    caches,
    clock,
    settings: directorySettings,
    leaderAlive: () => leader.someoneLeads(),
  });
  const bundle = new Latest<Bundle>();
  const configuration = {
    observe: () => caches.world.webhook,
    onChange: caches.onWebhookChange,
  };
  const trust = new Trust({ clock, configuration, isKnown: () => caches.synced() });
  const served = new ServedBundle({ clock, log, offered: bundle, trust });
  const metrics = new Metrics();
  const followed = { caches, memberships, bundle, served, trust };
  const base = { settings, clock, onClockCorrection: serverTime.onCorrection, log, metrics, kube };
  return { ...base, outage, leader, leaseWatch: lease.reflector, ...followed };
}

/** What calls validators, for one term; undefined where the setting says never. */
function signallerOf({ settings, clock, log, metrics }: Parts) {
  if (settings.corePort === 0) return undefined;
  const options = { clock, port: settings.corePort, timeoutMs: CORE_TIMEOUT_MS, bytesMax: CORE_BYTES_MAX };
  const core = createCoreClient(options);
  const pollMs = settings.corePollSeconds * 1000;
  return (onChange: () => void) => new Signaller({ core, clock, log, metrics, pollMs, onChange });
}

/** The leader's loop for one term: what it remembers begins with the term. `rightDomain` as in ReconcilerOptions. */
export function createReconciler(parts: Parts, rightDomain: () => string | undefined): Reconciler {
  const { settings, clock, onClockCorrection, log, metrics, caches, memberships, leader } = parts;
  const kube = whileLeading(parts.kube, () => leader.leads());
  const ownNamespace = settings.namespace;
  const scope = { ownNamespace, watchNamespaces: listed(settings.watchNamespaces) };
  const reporter = new Reporter({ kube, clock, log, metrics, instance: settings.podName });
  const discovery = discoverySettings(settings);
  const journal = new JournalStore({ kube, clock, namespace: ownNamespace });
  const discoverNow = (world: World) => discover(world, discovery);
  const writing = {
    kube,
    clock,
    log,
    journal,
    readLive: liveReads({
      kube,
      scope,
      clock,
      known: () => ({ world: caches.world, discovery: memberships.discovery() }),
    }),
    discover: discoverNow,
    mayWrite: () => leader.leads(),
  };
  const reverter = new Reverter(writing);
  const restarter = new RestartExecutor({
    ...writing,
    probe: (world) => preflightWebhook(world, ownNamespace),
  });
  return new Reconciler({
    clock,
    log,
    metrics,
    caches,
    memberships,
    reporter,
    publisher: new Publisher({ kube, clock, log, ownNamespace }),
    salt: new SaltKeeper({ journal, clock, log, maxPeers: settings.maxPeers }),
    settings: rolloutSettings(settings),
    signaller: signallerOf(parts),
    rightDomain,
    onClockCorrection,
    queue: (onDone) =>
      new RestartQueue({
        clock,
        log,
        metrics,
        journal,
        restarter,
        reverter,
        reporter,
        readLive: writing.readLive,
        onDone,
      }),
  });
}
