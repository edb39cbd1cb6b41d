/**
 * One replica of ours in a simulated cluster: the parts as they are shipped, over a simulated client and clock. Only
 * its edges are others: no sockets, no certificate, and the webhook is called in process.
 */

import type { Settings } from '../../../app/settings.ts';
import { discoverySettings, rolloutSettings } from '../../../app/wiring-settings.ts';
import { discover } from '../../../peers/discovery/discover.ts';
import { isState, type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { Key, World } from '../../../peers/world.ts';
import { JournalStore } from '../../../reconciler/apply/journal-store.ts';
import { liveReads } from '../../../reconciler/apply/live-reads.ts';
import { Publisher } from '../../../reconciler/apply/publisher.ts';
import { RestartExecutor } from '../../../reconciler/apply/restart-executor.ts';
import { RestartQueue, type RestartQueueOptions } from '../../../reconciler/apply/restart-queue.ts';
import { Reverter } from '../../../reconciler/apply/revert.ts';
import { SaltKeeper } from '../../../reconciler/apply/salt-keeper.ts';
import { Signaller } from '../../../reconciler/apply/signaller.ts';
import { Leader } from '../../../reconciler/leader/leader.ts';
import { whileLeading } from '../../../reconciler/leader/leading-kube.ts';
import type { ReasonsByKey } from '../../../reconciler/plan/status/validator-state.ts';
import { Reconciler } from '../../../reconciler/reconciler.ts';
import { Reporter } from '../../../reconciler/report/reporter.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { CoreClient } from '../../../runtime/core-client.ts';
import { Caches } from '../../../runtime/kube/caches.ts';
import { MembershipCache } from '../../../runtime/kube/membership.ts';
import type { Kube, PatchOperation } from '../../../runtime/kube/port.ts';
import type { Log } from '../../../runtime/log.ts';
import { Metrics } from '../../../runtime/metrics.ts';
import { Notifier } from '../../../runtime/notifier.ts';
import { PendingReviews } from '../../../webhook/hold/pending-reviews.ts';
import type { Outcome } from '../../../webhook/review/admit.ts';
import { mutate } from '../../../webhook/review/mutate.ts';
import type { AdmissionReview } from '../admission.ts';
import type { Process } from '../process.ts';

/** Keeps what is held now, beside telling it. */
class WatchedReporter extends Reporter {
  reasons: ReadonlyMap<Key, Reason> = new Map();
  override report(world: World, told: ReasonsByKey): void {
    this.reasons = new Map([...told].flatMap(([key, all]) => mainOf(all).map((why) => [key, why] as const)));
    super.report(world, told);
  }
}

/** Why something is not done, rather than what the validator is; at most one. */
const mainOf = (all: readonly Reason[]): Reason[] =>
  [all.find((why) => !isState(why)) ?? all.find(({ detail = '' }) => detail.startsWith('by us'))].filter(
    (why) => why !== undefined,
  );

/** A build that is broken on purpose: it publishes, and never restarts a validator. */
class IdleLane extends RestartQueue {
  override offer(): void {}
}

export interface ReplicaOptions {
  readonly process: Process;
  readonly kube: Kube;
  readonly clock: Clock;
  /** Of the clock, by the API server's. */
  readonly onClockCorrection: (listener: () => void) => () => void;
  readonly log: Log;
  readonly settings: Settings;
  /** Undefined where validators are never called. */
  readonly core: CoreClient | undefined;
  /** True while a replica would answer a review. */
  readonly isAnswered: () => boolean;
  readonly neverRestarts: boolean;
}

export class Replica {
  readonly process: Process;
  readonly #options: ReplicaOptions;
  readonly #stopping = new AbortController();
  readonly #caches: Caches;
  readonly #memberships: MembershipCache;
  readonly #leader: Leader;
  readonly #holds: PendingReviews;
  readonly #scope: { readonly ownNamespace: string; readonly watchNamespaces: readonly string[] };
  readonly #metrics = new Metrics();
  #reporter: WatchedReporter | undefined;

  constructor(options: ReplicaOptions) {
    const { kube, clock, log, settings } = options;
    this.#options = options;
    this.process = options.process;
    this.#scope = { ownNamespace: settings.namespace, watchNamespaces: [] };
    this.#caches = new Caches({ kube, clock, log, scope: this.#scope, outage: new Notifier() });
    this.#leader = new Leader({
      kube,
      clock,
      log,
      namespace: settings.namespace,
      identity: options.process.name,
      leaseDurationMs: settings.leaseDurationSeconds * 1000,
      requestTimeoutMs: settings.requestTimeoutSeconds * 1000,
    });
    const leaderAlive = () => this.#leader.someoneLeads();
    const stabilizationMs = settings.stabilizationSeconds * 1000;
    const directorySettings = {
      ...discoverySettings(settings),
      maxPeers: settings.maxPeers,
      stabilizationMs,
    };
    this.#memberships = new MembershipCache({
      caches: this.#caches,
      clock,
      settings: directorySettings,
      leaderAlive,
    });
    this.#holds = new PendingReviews({ memberships: this.#memberships, clock });
  }

  /** Begins; nothing is awaited. */
  start(): void {
    const { signal } = this.#stopping;
    void this.#caches.run(signal);
    void this.#leader.run((term) => this.#reconciler().run(term), signal);
  }

  /** A clean stop: no pod is held any longer, the Lease is given back. */
  stop(): void {
    this.#holds.release();
    this.#stopping.abort();
  }

  /** True while the Service would send reviews to it. */
  get ready(): boolean {
    return this.process.state !== 'dead' && !this.#stopping.signal.aborted && this.#caches.synced();
  }

  get leads(): boolean {
    return this.process.state === 'running' && this.#leader.leads();
  }

  /** Why whom is not restarted, as the last pass of this term found it. */
  get reasons(): ReadonlyMap<Key, Reason> {
    return this.#reporter?.reasons ?? new Map();
  }

  /** The answer to a review; none while the process is frozen. */
  admit({ request }: AdmissionReview): Promise<readonly PatchOperation[]> {
    const { object, namespace, name, uid } = request;
    const review = { uid, isPodCreate: true, namespace, name, dryRun: false, length: 0, pod: object };
    const edges = {
      memberships: this.#memberships,
      holds: this.#holds,
      ownNamespace: this.#scope.ownNamespace,
    };
    return new Promise((resolve, reject) => {
      this.process.deliver(() => {
        new Promise<Outcome>((answered) => answered(mutate(review, edges))).then(
          ({ operations }) => resolve(JSON.parse(JSON.stringify(operations))),
          reject,
        );
      });
    });
  }

  #reconciler(): Reconciler {
    const { clock, core, log, settings, process, isAnswered, neverRestarts } = this.#options;
    const pollMs = settings.corePollSeconds * 1000;
    const kube = whileLeading(this.#options.kube, () => this.#leader.leads());
    const metrics = this.#metrics;
    const reporter = new WatchedReporter({ kube, clock, log, metrics, instance: process.name });
    this.#reporter = reporter;
    const journal = new JournalStore({ kube, clock, namespace: settings.namespace });
    const discoverNow = (world: World) => discover(world, discoverySettings(settings));
    const writing = {
      ...{ kube, clock, log, journal },
      readLive: liveReads({
        ...{ kube, scope: this.#scope, clock },
        known: () => ({ world: this.#caches.world, discovery: this.#memberships.discovery() }),
      }),
      discover: discoverNow,
      mayWrite: () => this.#leader.leads(),
    };
    const reverter = new Reverter(writing);
    const restarter = new RestartExecutor({
      ...writing,
      probe: async (world) => {
        if (!world.webhook) return reason('WebhookMissing');
        return isAnswered() ? undefined : reason('WebhookNotAnswering');
      },
    });
    const restartQueue = (onDone: () => void) => {
      const options: RestartQueueOptions = {
        clock,
        log,
        metrics,
        journal,
        restarter,
        reverter,
        reporter,
        readLive: writing.readLive,
        onDone,
      };
      return neverRestarts ? new IdleLane(options) : new RestartQueue(options);
    };
    return new Reconciler({
      clock,
      log,
      metrics,
      caches: this.#caches,
      memberships: this.#memberships,
      reporter,
      publisher: new Publisher({ kube, clock, log, ownNamespace: settings.namespace }),
      salt: new SaltKeeper({ journal, clock, log, maxPeers: settings.maxPeers }),
      settings: rolloutSettings(settings),
      signaller: core && ((onChange) => new Signaller({ core, clock, log, metrics, pollMs, onChange })),
      onClockCorrection: this.#options.onClockCorrection,
      rightDomain: () => undefined,
      queue: restartQueue,
    });
  }
}
