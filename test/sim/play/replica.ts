/**
 * One replica of ours in a simulated cluster: the parts as they are shipped, over a simulated client and clock. Only
 * its edges are others: no sockets, no certificate, and the webhook is called in process.
 */
import { discover } from '../../../peers/discover.ts';
import { type Reason, reason } from '../../../peers/reasons.ts';
import type { Key, World } from '../../../peers/world.ts';
import { JournalStore } from '../../../reconciler/journal-store.ts';
import { Leader } from '../../../reconciler/leader.ts';
import { whileLeading } from '../../../reconciler/leading-kube.ts';
import { Publisher } from '../../../reconciler/publisher.ts';
import { Reconciler } from '../../../reconciler/reconciler.ts';
import { Reporter } from '../../../reconciler/reporter.ts';
import { type LaneOptions, RestartLane } from '../../../reconciler/restart-lane.ts';
import { Restarter } from '../../../reconciler/restarter.ts';
import { Caches } from '../../../runtime/caches.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { Directory } from '../../../runtime/directory.ts';
import type { Kube, PatchOperation } from '../../../runtime/kube.ts';
import { readLive } from '../../../runtime/live.ts';
import type { Log } from '../../../runtime/log.ts';
import { Metrics } from '../../../runtime/metrics.ts';
import type { Settings } from '../../../settings.ts';
import type { Outcome } from '../../../webhook/admit.ts';
import { Holds } from '../../../webhook/holds.ts';
import { mutate } from '../../../webhook/mutate.ts';
import { discoverySettings, rolloutSettings } from '../../../wiring.ts';
import type { AdmissionReview } from '../admission.ts';
import type { Process } from '../process.ts';

/** Keeps what is held now, beside telling it. */
class WatchedReporter extends Reporter {
  reasons: ReadonlyMap<Key, Reason> = new Map();
  override report(world: World, reasons: ReadonlyMap<Key, Reason>): void {
    this.reasons = reasons;
    super.report(world, reasons);
  }
}

/** A build that is broken on purpose: it publishes, and never restarts anybody. */
class IdleLane extends RestartLane {
  override offer(): void {}
}

export interface ReplicaOptions {
  readonly process: Process;
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: Settings;
  /** True while somebody would answer a review. */
  readonly isAnswered: () => boolean;
  readonly neverRestarts: boolean;
}

export class Replica {
  readonly process: Process;
  readonly #options: ReplicaOptions;
  readonly #stopping = new AbortController();
  readonly #caches: Caches;
  readonly #directory: Directory;
  readonly #leader: Leader;
  readonly #holds: Holds;
  readonly #scope: { readonly ownNamespace: string; readonly watchNamespaces: readonly string[] };
  readonly #metrics = new Metrics();
  #reporter: WatchedReporter | undefined;

  constructor(options: ReplicaOptions) {
    const { kube, clock, log, settings } = options;
    this.#options = options;
    this.process = options.process;
    this.#scope = { ownNamespace: settings.namespace, watchNamespaces: [] };
    this.#caches = new Caches({ kube, clock, log, scope: this.#scope });
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
    this.#directory = new Directory({
      caches: this.#caches,
      clock,
      settings: directorySettings,
      leaderAlive,
    });
    this.#holds = new Holds({ directory: this.#directory, clock });
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
    const edges = { directory: this.#directory, holds: this.#holds, ownNamespace: this.#scope.ownNamespace };
    return new Promise((resolve, reject) => {
      this.process.deliver(() => {
        new Promise<Outcome>((answered) => answered(mutate(review, edges))).then(
          ({ operations }) => resolve(operations),
          reject,
        );
      });
    });
  }

  #reconciler(): Reconciler {
    const { clock, log, settings, process, isAnswered, neverRestarts } = this.#options;
    const kube = whileLeading(this.#options.kube, () => this.#leader.leads());
    const metrics = this.#metrics;
    const reporter = new WatchedReporter({ kube, clock, log, metrics, instance: process.name });
    this.#reporter = reporter;
    const journal = new JournalStore({ kube, clock, namespace: settings.namespace });
    const restarter = new Restarter({
      kube,
      clock,
      log,
      journal,
      readLive: () => readLive(kube, this.#scope, clock),
      discover: (world) => discover(world, discoverySettings(settings)),
      probe: async (world) => {
        if (!world.webhook) return reason('WebhookMissing');
        return isAnswered() ? undefined : reason('WebhookNotAnswering');
      },
      mayWrite: () => this.#leader.leads(),
    });
    const readLiveWorld = async () => (await readLive(kube, this.#scope, clock)).world;
    const lane = (onDone: () => void) => {
      const options: LaneOptions = {
        clock,
        log,
        metrics,
        journal,
        restarter,
        reporter,
        readLiveWorld,
        onDone,
      };
      return neverRestarts ? new IdleLane(options) : new RestartLane(options);
    };
    return new Reconciler({
      clock,
      log,
      metrics,
      caches: this.#caches,
      directory: this.#directory,
      reporter,
      publisher: new Publisher({ kube, clock, log, ownNamespace: settings.namespace }),
      settings: rolloutSettings(settings),
      signaller: undefined,
      lane,
    });
  }
}
