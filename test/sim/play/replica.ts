/**
 * One replica in a simulated cluster: the same parts as in production, with a simulated client and clock. It has no
 * sockets and no certificate, and the webhook is called in process.
 */

import type { Settings } from '../../../app/settings.ts';
import { type Core, createCore, createReconciler } from '../../../app/wiring-core.ts';
import { isState, type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { Key, World } from '../../../peers/world.ts';
import { RestartQueue } from '../../../reconciler/apply/restart-queue.ts';
import type { ReasonsByKey } from '../../../reconciler/plan/status/validator-state.ts';
import type { Reconciler } from '../../../reconciler/reconciler.ts';
import { Reporter } from '../../../reconciler/report/reporter.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { CoreClient } from '../../../runtime/core-client.ts';
import type { Kube, PatchOperation } from '../../../runtime/kube/port.ts';
import type { Log } from '../../../runtime/log.ts';
import { Metrics } from '../../../runtime/metrics.ts';
import { Notifier } from '../../../runtime/notifier.ts';
import { PendingReviews } from '../../../webhook/hold/pending-reviews.ts';
import type { Outcome } from '../../../webhook/review/admit.ts';
import { mutate } from '../../../webhook/review/mutate.ts';
import { TriedPods } from '../../../webhook/review/tried-pods.ts';
import type { AdmissionReview } from '../admission.ts';
import type { Process } from '../process.ts';

/** A reporter that also keeps the last reason of each validator. */
class WatchedReporter extends Reporter {
  reasons: ReadonlyMap<Key, Reason> = new Map();
  override *reportSteps(world: World, reported: ReasonsByKey): Generator<undefined, void> {
    this.reasons = new Map(
      [...reported].flatMap(([key, all]) => mainReasonOf(all).map((why) => [key, why] as const)),
    );
    yield* super.reportSteps(world, reported);
  }
}

/** At most one reason: the first that says why something is not done, else the restart by us. */
const mainReasonOf = (all: readonly Reason[]): Reason[] =>
  [all.find((why) => !isState(why)) ?? all.find(({ detail = '' }) => detail.startsWith('by us'))].filter(
    (why) => why !== undefined,
  );

/** A queue that is broken on purpose: it never restarts a validator. */
class IdleQueue extends RestartQueue {
  override offer(): void {}
}

export interface ReplicaOptions {
  readonly process: Process;
  readonly kube: Kube;
  readonly clock: Clock;
  /** Subscribes to corrections of the clock by the API server's time. */
  readonly onClockCorrection: (listener: () => void) => () => void;
  readonly log: Log;
  readonly settings: Settings;
  /** Undefined if validators are never called. */
  readonly core: CoreClient | undefined;
  /** True while any replica would answer a review. */
  readonly isAnswered: () => boolean;
  readonly neverRestarts: boolean;
}

export class Replica {
  readonly process: Process;
  readonly #options: ReplicaOptions;
  readonly #stopping = new AbortController();
  readonly #core: Core;
  readonly #holds: PendingReviews;
  readonly #tried: TriedPods;
  #reporter: WatchedReporter | undefined;

  constructor(options: ReplicaOptions) {
    const { kube, clock, log, onClockCorrection, process } = options;
    this.#options = options;
    this.process = process;
    const settings = { ...options.settings, podName: process.name };
    const edges = { settings, clock, onClockCorrection, log, metrics: new Metrics(), kube };
    this.#core = createCore({ ...edges, outage: new Notifier() }, process.name);
    this.#holds = new PendingReviews(this.#core);
    this.#tried = new TriedPods(this.#core.clock);
  }

  /** Starts the replica and returns at once. */
  start(): void {
    const { signal } = this.#stopping;
    void this.#core.caches.run(signal);
    void this.#core.leader.run((term) => this.#reconciler().run(term), signal);
  }

  /** Stops cleanly: answers all waiting reviews and gives the Lease back. */
  stop(): void {
    this.#holds.release();
    this.#stopping.abort();
  }

  /** True while the Service would send reviews to this replica. */
  get ready(): boolean {
    return this.process.state !== 'dead' && !this.#stopping.signal.aborted && this.#core.caches.synced();
  }

  get leads(): boolean {
    return this.process.state === 'running' && this.#core.leader.leads();
  }

  /** The reason why each validator is not restarted, as of the last pass of this term. */
  get reasons(): ReadonlyMap<Key, Reason> {
    return this.#reporter?.reasons ?? new Map();
  }

  /** The answer to a review. It does not come while the process is frozen. */
  admit({ request }: AdmissionReview): Promise<readonly PatchOperation[]> {
    const { object, namespace, name, uid } = request;
    const review = { uid, isPodCreate: true, namespace, name, dryRun: false, length: 0, pod: object };
    const { settings } = this.#options;
    const edges = {
      memberships: this.#core.memberships,
      holds: this.#holds,
      tried: this.#tried,
      ownNamespace: settings.namespace,
      merging: { mode: settings.peerConfig, listKey: settings.peerListKey, reload: settings.peerReload },
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
    const { core, isAnswered, neverRestarts } = this.#options;
    return createReconciler(this.#core, {
      core,
      preflight: async (world) => {
        if (!world.webhook) return reason('WebhookMissing');
        return isAnswered() ? undefined : reason('WebhookNotAnswering');
      },
      rightDomain: () => undefined,
      createReporter: (options) => {
        this.#reporter = new WatchedReporter(options);
        return this.#reporter;
      },
      createQueue: (options) => (neverRestarts ? new IdleQueue(options) : new RestartQueue(options)),
    });
  }
}
