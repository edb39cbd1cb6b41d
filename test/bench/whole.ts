/**
 * The real caches, membership and reconciler over a synthetic API server. Measures the longest turn of the event loop, the
 * processor time of the start and of a join, and the memory.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { JournalStore } from '../../reconciler/apply/journal-store.ts';
import { Publisher } from '../../reconciler/apply/publisher.ts';
import { RestartQueue } from '../../reconciler/apply/restart-queue.ts';
import { SaltKeeper } from '../../reconciler/apply/salt-keeper.ts';
import { Setbacks } from '../../reconciler/plan/restarts/setbacks.ts';
import { PlanningMemory } from '../../reconciler/planning-memory.ts';
import { Reconciler } from '../../reconciler/reconciler.ts';
import { Reporter } from '../../reconciler/report/reporter.ts';
import { systemClock as clock } from '../../runtime/clock.ts';
import { Caches } from '../../runtime/kube/caches.ts';
import { MembershipCache } from '../../runtime/kube/membership.ts';
import * as kinds from '../../runtime/kube/resources.ts';
import { createLog } from '../../runtime/log.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { Notifier } from '../../runtime/notifier.ts';
import { Wake } from '../../runtime/wake.ts';
import { SETTINGS } from '../unit/reconciler/group.ts';
import { BenchKube } from './bench-kube.ts';
import { LargeCluster, type Place, placeOf } from './large-cluster.ts';
import { type Stamps, stampOfAll } from './planner.ts';
import { rounded } from './result.ts';

const OWN = 'stellar-peers';
const MAX_PEERS = 24;
const QUIET_MS = 1_500;

class CountingReporter extends Reporter {
  passes = 0;
  override reportSteps(...args: Parameters<Reporter['reportSteps']>): Generator<undefined, void> {
    this.passes += 1;
    return super.reportSteps(...args);
  }
}

/** One leader over a synthetic API server. */
function createLeader(kube: BenchKube) {
  const log = createLog('silent');
  const metrics = new Metrics();
  const scope = { ownNamespace: OWN, watchNamespaces: [] };
  const caches = new Caches({ kube, clock, log, scope, outage: new Notifier() });
  const domain = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;
  const settings = { ...domain, maxPeers: MAX_PEERS, stabilizationMs: 30_000 };
  const memberships = new MembershipCache({ caches, clock, settings, leaderAlive: () => true });
  const reporter = new CountingReporter({ kube, clock, log, metrics, instance: 'bench' });
  const nothing = undefined as never;
  const journal = new JournalStore({ kube, clock, namespace: OWN });
  const setbacks = new Setbacks(clock);
  const wake = new Wake(clock);
  const memory = new PlanningMemory({ clock, caches, memberships, settings: SETTINGS, journal, setbacks });
  const options = {
    clock,
    log,
    metrics,
    reporter,
    journal,
    restarter: nothing,
    readLive: nothing,
    reverter: nothing,
  };
  const reconciler = new Reconciler({
    ...{ clock, log, metrics, caches, memberships, reporter },
    publisher: new Publisher({ kube, clock, log, ownNamespace: OWN }),
    salt: new SaltKeeper({
      journal: {
        keepSalt: async () => undefined,
        ref: { resource: kinds.ConfigMaps, namespace: OWN, name: 'stellar-peers-restarts' },
      },
      clock,
      log,
      maxPeers: MAX_PEERS,
    }),
    settings: { ...SETTINGS, maxPeers: MAX_PEERS, resyncMs: 3_600_000 },
    signaller: undefined,
    rightDomain: () => undefined,
    onClockCorrection: () => () => undefined,
    ...{ wake, memory, queue: new RestartQueue({ ...options, setbacks, wake }) },
  });
  return { caches, reporter, reconciler };
}

/** The longest turn of the event loop, by the processor time of the main thread. */
class Turns {
  longestMs = 0;
  #last = process.threadCpuUsage();
  readonly #timer = setInterval(() => this.#turn(), 1);

  #turn(): void {
    const { user, system } = process.threadCpuUsage(this.#last);
    this.#last = process.threadCpuUsage();
    this.longestMs = Math.max(this.longestMs, (user + system) / 1000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Calls `begin`, and measures until there were `passes` passes and none followed for a while. */
async function observe(reporter: CountingReporter, begin: () => unknown, passes: number) {
  await delay(20);
  const turns = new Turns();
  const before = reporter.passes;
  const cpu = process.threadCpuUsage();
  await begin();
  let seen = -1;
  let quietSinceMs = performance.now();
  while (performance.now() - quietSinceMs < QUIET_MS || reporter.passes - before < passes) {
    await delay(20);
    if (seen !== reporter.passes) quietSinceMs = performance.now();
    seen = reporter.passes;
  }
  turns.stop();
  const { user, system } = process.threadCpuUsage(cpu);
  return {
    turnMs: rounded(turns.longestMs),
    busyMs: rounded((user + system) / 1000),
  };
}

/** Measures one size. Call it in a new process, with stamps of another process, so that only the leader's memory counts. */
export async function measureWhole(size: number, stamps: Stamps) {
  const cluster = new LargeCluster(size);
  cluster.stampOf = stampOfAll(stamps);
  const kube = new BenchKube(cluster);
  const { caches, reporter, reconciler } = createLeader(kube);
  const stop = new AbortController();
  // Collect the garbage of making the cluster, so that it does not count for the leader.
  globalThis.gc?.();
  let ended: Promise<void> = Promise.resolve();
  const run = async () => {
    void caches.run(stop.signal);
    ended = reconciler.run(stop.signal);
  };
  const start = await observe(reporter, run, 1);
  const newcomer: Place = { ...placeOf('z', 1), namespace: placeOf('a', size >> 1).namespace };
  const push = (resource: kinds.Resource, type: string, raw: unknown) => kube.push(resource, type, raw);
  const join = await observe(
    reporter,
    () => {
      push(kinds.StellarNodes, 'ADDED', cluster.node(newcomer));
      push(kinds.StatefulSets, 'ADDED', cluster.statefulSet(newcomer));
      push(kinds.Services, 'ADDED', cluster.service(newcomer));
    },
    2,
  );
  globalThis.gc?.();
  const rssMib = rounded(process.memoryUsage().rss / 1024 / 1024);
  stop.abort();
  await ended;
  return { validators: size, start, join, rssMib };
}
