/**
 * Makes the parts of one replica out of its settings. Owns which setting goes where; nothing runs yet.
 */
import { CurrentBundle } from './certs/current.ts';
import { ServedBundle } from './certs/serving.ts';
import { Trust } from './certs/trust.ts';
import { type DiscoverySettings, discover } from './peers/discover.ts';
import { COMPONENT, LEADER_LEASE } from './peers/names.ts';
import { readNetworkNamespaces } from './peers/tenants.ts';
import { JournalStore } from './reconciler/journal-store.ts';
import { Leader } from './reconciler/leader.ts';
import { whileLeading } from './reconciler/leading-kube.ts';
import { probeWebhook } from './reconciler/probe.ts';
import { Publisher } from './reconciler/publisher.ts';
import { Reconciler } from './reconciler/reconciler.ts';
import { Reporter } from './reconciler/reporter.ts';
import { RestartLane } from './reconciler/restart-lane.ts';
import { Restarter } from './reconciler/restarter.ts';
import { Signaller } from './reconciler/signaller.ts';
import { parseWindows, type Windows } from './reconciler/windows.ts';
import { Caches } from './runtime/caches.ts';
import { type Clock, systemClock } from './runtime/clock.ts';
import { createCoreClient } from './runtime/core-client.ts';
import { Directory } from './runtime/directory.ts';
import type { Kube } from './runtime/kube.ts';
import { createKube, loadKubeConfig } from './runtime/kube-client.ts';
import { readLive } from './runtime/live.ts';
import { createLog, type Log } from './runtime/log.ts';
import { Metrics } from './runtime/metrics.ts';
import { Recovery } from './runtime/recovery.ts';
import type { Reflector } from './runtime/reflector.ts';
import { Leases } from './runtime/resources.ts';
import { ServerTime } from './runtime/server-time.ts';
import { watchOne } from './runtime/watch-one.ts';
import { listed, type Settings } from './settings.ts';

/** One call to a validator: its answer to `peers` is some 100 bytes for each of at most 72 connections. */
const CORE_TIMEOUT_MS = 3_000;
const CORE_BYTES_MAX = 512 * 1024;

export interface Parts {
  readonly settings: Settings;
  /** With wall-clock time as the API server has it. */
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly kube: Kube;
  readonly caches: Caches;
  readonly recovery: Recovery;
  readonly directory: Directory;
  readonly leader: Leader;
  /** Wakes the leader's election when the Lease is given back. */
  readonly leaseWatch: Reflector<unknown>;
  /** The newest certificate, served or about to be. */
  readonly bundle: CurrentBundle;
  readonly served: ServedBundle;
  readonly trust: Trust;
}

/** All parts of a replica, none of them running. Throws where no cluster is configured. */
export function createParts(settings: Settings, kubeconfig: string | undefined): Parts {
  const log = createLog(settings.logLevel);
  const serverTime = new ServerTime(systemClock);
  const { clock } = serverTime;
  const recovery = new Recovery();
  const kube = createKube(loadKubeConfig({ described: kubeconfig }), {
    timeoutMs: settings.requestTimeoutSeconds * 1000,
    userAgent: COMPONENT,
    onDate: (dateMs) => serverTime.note(dateMs),
    onSuccess: () => recovery.succeeded(),
  });
  const scope = { ownNamespace: settings.namespace, watchNamespaces: listed(settings.watchNamespaces) };
  const caches = new Caches({ kube, clock, log, scope, recovery });
  const lease = watchOne({ kube, clock, log, recovery }, Leases, {
    namespace: settings.namespace,
    name: LEADER_LEASE,
    project: ({ spec }) => (spec as { holderIdentity?: string } | undefined)?.holderIdentity ?? '',
  });
  const leader = new Leader({
    kube,
    clock,
    log,
    namespace: settings.namespace,
    identity: settings.podName,
    leaseDurationMs: settings.leaseDurationSeconds * 1000,
    requestTimeoutMs: settings.requestTimeoutSeconds * 1000,
    onHolderChange: lease.onChange,
  });
  const stabilizationMs = settings.stabilizationSeconds * 1000;
  const directorySettings = { ...discoverySettings(settings), maxPeers: settings.maxPeers, stabilizationMs };
  const directory = new Directory({
    caches,
    clock,
    settings: directorySettings,
    leaderAlive: () => leader.someoneLeads(),
  });
  const bundle = new CurrentBundle();
  const configuration = {
    observe: () => caches.world.webhook,
    onChange: (listener: () => void) => caches.onWebhookChange(listener),
  };
  const trust = new Trust({ clock, configuration, isKnown: () => caches.synced() });
  const served = new ServedBundle({ clock, log, offered: bundle, trust });
  const metrics = new Metrics();
  const followed = { caches, directory, bundle, served, trust };
  return { settings, clock, log, metrics, kube, recovery, leader, leaseWatch: lease.reflector, ...followed };
}

const limitOf = (text: string) => ({ value: Number.parseInt(text, 10), isPercent: text.endsWith('%') });

/** Read once already, where the settings were checked. */
function windowsOf({ rolloutWindows }: Settings): Windows {
  const windows = parseWindows(rolloutWindows);
  if (!windows) throw new Error(`ROLLOUT_WINDOWS cannot be read: ${rolloutWindows}`);
  return windows;
}

/** The settings that discovery takes. */
export function discoverySettings(settings: Settings): DiscoverySettings {
  const { peerScope, clusterDomain, networkNamespaces } = settings;
  const reading = readNetworkNamespaces(networkNamespaces);
  // Read once already, where the settings were checked.
  if ('problem' in reading) throw new Error(`NETWORK_NAMESPACES cannot be read: ${reading.problem}`);
  return { peerScope, clusterDomain, networkNamespaces: reading.allowed };
}

/** The settings that the restart rules take, in their units. */
export const rolloutSettings = (settings: Settings) => ({
  ownNamespace: settings.namespace,
  maxPeers: settings.maxPeers,
  rollBelow: settings.rollBelow === 'all' ? Number.POSITIVE_INFINITY : Number(settings.rollBelow),
  adoptExisting: settings.adoptExisting === 'restart',
  deleteMinAgeMs: settings.deleteMinAgeSeconds * 1000,
  maxUnavailable: limitOf(settings.maxUnavailable),
  quorumCheck: settings.quorumCheck,
  minReadyMs: settings.minReadySeconds * 1000,
  minRestartIntervalMs: settings.minRestartIntervalSeconds * 1000,
  maxRestartsPerHour: settings.maxRestartsPerHour,
  windows: windowsOf(settings),
  expectedRestartMs: settings.expectedRestartSeconds * 1000,
  progressDeadlineMs: settings.progressDeadlineSeconds * 1000,
  stabilizationMs: settings.stabilizationSeconds * 1000,
  stabilizationMsMax: settings.stabilizationMaxSeconds * 1000,
  resyncMs: settings.resyncSeconds * 1000,
});

/** What calls validators, for one term; undefined where the setting says never. */
function signallerOf({ settings, clock, log, metrics }: Parts) {
  if (settings.corePort === 0) return undefined;
  const limits = { port: settings.corePort, timeoutMs: CORE_TIMEOUT_MS, bytesMax: CORE_BYTES_MAX };
  const core = createCoreClient(limits);
  const pollMs = settings.corePollSeconds * 1000;
  return (onChange: () => void) => new Signaller({ core, clock, log, metrics, pollMs, onChange });
}

/** The leader's loop for one term: what it remembers begins with the term. */
export function createReconciler(parts: Parts): Reconciler {
  const { settings, clock, log, metrics, caches, directory, leader } = parts;
  const kube = whileLeading(parts.kube, () => leader.leads());
  const ownNamespace = settings.namespace;
  const scope = { ownNamespace, watchNamespaces: listed(settings.watchNamespaces) };
  const reporter = new Reporter({ kube, clock, log, metrics, instance: settings.podName });
  const discovery = discoverySettings(settings);
  const journal = new JournalStore({ kube, clock, namespace: ownNamespace });
  const restarter = new Restarter({
    kube,
    clock,
    log,
    journal,
    readLive: () => readLive(kube, scope, clock),
    discover: (world) => discover(world, discovery),
    probe: (world) => probeWebhook(world, ownNamespace),
    mayWrite: () => leader.leads(),
  });
  const readLiveWorld = async () => (await readLive(kube, scope, clock)).world;
  return new Reconciler({
    clock,
    log,
    metrics,
    caches,
    directory,
    reporter,
    publisher: new Publisher({ kube, clock, log, ownNamespace }),
    settings: rolloutSettings(settings),
    signaller: signallerOf(parts),
    lane: (onDone) =>
      new RestartLane({ clock, log, metrics, journal, restarter, reporter, readLiveWorld, onDone }),
  });
}
