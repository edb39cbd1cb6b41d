/** The leader's loop: publishes, restarts and reports after a change. Owns order and timing; the plan is pure. */
import { leastOf } from '../peers/lists.ts';
import type { Reason } from '../peers/reasons/reasons.ts';
import { type Key, namespaceOf, type Validator, type World } from '../peers/world.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Caches } from '../runtime/kube/caches.ts';
import type { MembershipCache } from '../runtime/kube/membership.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { inOneGo, inSlices } from '../runtime/slices.ts';
import type { Wake } from '../runtime/wake.ts';
import type { Publisher } from './apply/publisher.ts';
import type { RestartQueue } from './apply/restart-queue.ts';
import type { SaltKeeper } from './apply/salt-keeper.ts';
import type { Signaller } from './apply/signaller.ts';
import type { ConfigMapWrite } from './plan/publish/namespace-content.ts';
import { newcomersOf, type PublishPlan, publishSteps } from './plan/publish/publish.ts';
import { refusedReports } from './plan/publish/refused.ts';
import { planServices } from './plan/publish/services.ts';
import { quorumSteps } from './plan/quorum/quorum-units.ts';
import { pauseToRestore, type SeenPause, seePause } from './plan/restarts/pause.ts';
import { type GroupPlan, planRollout, type RolloutSettings } from './plan/restarts/rollout.ts';
import { withFormerStates } from './plan/signals/evidence.ts';
import { signalScope } from './plan/signals/signal-targets.ts';
import { signalAdvisories } from './plan/status/advisories.ts';
import { currentReasons } from './plan/status/current-reasons.ts';
import { type ReasonsByKey, withValidatorStates } from './plan/status/validator-state.ts';
import type { PlanningMemory } from './planning-memory.ts';
import { type GaugeInput, Gauges } from './report/gauges.ts';
import type { Reporter } from './report/reporter.ts';

/** Changes come in bursts. All that arrive within this time are handled together. */
const GATHER_MS = 20;
/** When to try again after a pass that was not possible. */
const RETRY_MS = 1_000;

export interface ReconcilerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly caches: Caches;
  readonly memberships: MembershipCache;
  readonly publisher: Publisher;
  readonly reporter: Reporter;
  readonly salt: SaltKeeper;
  readonly settings: RolloutSettings & { readonly maxPeers: number; readonly resyncMs: number };
  /** Wakes the loop; shared with the queue and the signaller. */
  readonly wake: Wake;
  readonly memory: PlanningMemory;
  readonly queue: RestartQueue;
  /** Undefined if validators are never called. */
  readonly signaller: Signaller | undefined;
  /** The DNS domain of the cluster, if CLUSTER_DOMAIN is known to be wrong. */
  readonly rightDomain: () => string | undefined;
  /** Calls the listener after each correction of `clock`; returns the function that ends that. */
  readonly onClockCorrection: (listener: () => void) => () => void;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #gauges: Gauges;
  /** When everything was last computed anew from the caches alone, monotonic ms. */
  #afreshAtMs: number;
  #pause: SeenPause;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    const { clock, metrics } = options;
    this.#gauges = new Gauges({ clock, metrics, ownNamespace: options.settings.ownNamespace });
    this.#afreshAtMs = clock.monotonicMs();
  }

  /** Reconciles until `signal` aborts. Work under way is finished first. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { caches, clock, log, onClockCorrection, queue, signaller, wake } = this.#options;
    const stopListening = caches.onChange(() => wake.notify());
    const stopFollowingClock = onClockCorrection(() => wake.notify());
    let waitMs = 0;
    while (!signal.aborted) {
      await wake.wait(waitMs, signal);
      await clock.sleep(GATHER_MS, signal);
      if (signal.aborted) break;
      try {
        waitMs = await this.#pass();
      } catch (error) {
        log.error({ error }, 'reconcile failed, retrying');
        waitMs = RETRY_MS;
      }
    }
    stopListening();
    stopFollowingClock();
    await Promise.all([queue.idle(), signaller?.stop()]);
    this.#options.reporter.end();
    this.#gauges.end();
  }

  /** One pass over everything. Resolves to the time in ms after which the next pass is due without a change. */
  async #pass(): Promise<number> {
    const { caches, clock, memberships, memory, metrics, publisher, queue, reporter, salt } = this.#options;
    if (!caches.synced()) return RETRY_MS;
    const beganAtMs = clock.monotonicMs();
    const { world } = caches;
    this.#forgetInTime();
    await inOneGo(clock, () => memberships.discovery());
    if (await salt.keep(world, memberships.discovery())) return RETRY_MS;
    memory.observe();
    await this.#keepPause(world);
    const published = await this.#planPublish(world);
    const newcomers = newcomersOf(published.configMaps, { world, discovery: memberships.discovery() });
    const written = await publisher.publish(this.#withoutLostPause(published.configMaps, world));
    metrics.count('stellar_peers_configmap_writes_total', {}, written.size);
    reporter.reportPublished(
      world,
      newcomers.filter(({ namespace }) => written.has(namespace)),
    );
    const services = await inOneGo(clock, () => planServices(world, memberships.discovery()));
    await publisher.createServices(services);
    await this.#signal(world);
    await inSlices(clock, quorumSteps(world));
    const found = await inOneGo(clock, () => this.#decide(published));
    await inSlices(clock, reporter.reportSteps(world, found.reasons));
    await this.#gauges.take(found);
    return this.#gauges.passed(this.#nextLookMs(found.plans, beganAtMs), queue.isBusy);
  }

  /** Synchronous, because the world may change during each wait, and the discovery would then be out of date. */
  #decide(published: PublishPlan): GaugeInput {
    const { caches, memberships, memory, publisher, queue, settings, signaller } = this.#options;
    const { world } = caches;
    const discovery = memberships.discovery();
    const input = memory.inputFor(world, discovery);
    const plans = planRollout(input);
    queue.offer(plans, input);
    const refused = refusedReports(publisher.refusals, published.configMaps, { world, discovery });
    const reports = new Map([...published.reports, ...refused]);
    const closed = signaller?.closedNodes ?? new Set();
    const connections = signaller?.connections ?? new Map();
    const moment = { world, discovery, nowMs: input.nowMs, connections };
    const signalled = signalAdvisories(closed, moment, settings.ownNamespace);
    const current = currentReasons(moment, { reports }, plans, signalled);
    const written = published.configMaps.filter((write) => publisher.isWritten(write));
    const reasons = withValidatorStates(moment, withoutWritten(current, written));
    return { world, discovery, plans, reasons, connections };
  }

  /** Forgets all results from time to time, so that a mistake in them does not stay. */
  #forgetInTime(): void {
    const { clock, memberships, settings } = this.#options;
    if (clock.monotonicMs() - this.#afreshAtMs < settings.resyncMs) return;
    this.#afreshAtMs = clock.monotonicMs();
    memberships.forget();
  }

  /** Plans in slices, all with one membership: what a tenant changes meanwhile is for the next pass. */
  async #planPublish(world: World): Promise<PublishPlan> {
    const { clock, memberships, memory, metrics, rightDomain, settings, signaller } = this.#options;
    const { ownNamespace } = settings;
    const { connections = new Map(), evidence = new Map() } = signaller ?? {};
    const answers = withFormerStates(evidence, world.configMaps.get(ownNamespace), memory.leadsForMs());
    const membership = { discovery: memberships.discovery(), views: memberships.views() };
    const steps = publishSteps(membership, () => ({
      ...{ world, connections, answers, ownNamespace, rightDomain: rightDomain() },
      nowMs: clock.nowMs(),
    }));
    const plan = await inSlices(clock, steps);
    const series = [...plan.viewSizes].map(([namespace, value]) => ({ labels: { namespace }, value }));
    metrics.replace('stellar_peers_view_size', series);
    return plan;
  }

  /** After publishing, so that the signals match the files. */
  async #signal(world: World): Promise<void> {
    const { clock, memberships, settings, signaller } = this.#options;
    if (!signaller) return;
    const { mayListen, isOpen } = signaller;
    const discovery = memberships.discovery();
    const peerListOf = ({ key }: Validator) => memberships.desired(key);
    await inOneGo(clock, () =>
      signaller.offer(signalScope({ world, discovery, peerListOf, settings, mayListen, isOpen })),
    );
  }

  #lostPause(world: World): string | undefined {
    const { ownNamespace } = this.#options.settings;
    this.#pause = seePause(this.#pause, world, ownNamespace);
    return pauseToRestore(this.#pause, world, ownNamespace);
  }

  async #keepPause(world: World): Promise<void> {
    const value = this.#lostPause(world);
    if (value !== undefined) await this.#options.publisher.restorePause(value);
  }

  /** Our ConfigMap may have been deleted since the pass began: made without the pause, it would lift the pause. */
  #withoutLostPause(writes: readonly ConfigMapWrite[], world: World): readonly ConfigMapWrite[] {
    if (this.#lostPause(world) === undefined) return writes;
    return writes.filter(({ namespace }) => namespace !== this.#options.settings.ownNamespace);
  }

  /** A time that came during this pass may have been too late for it, so such a time counts as due now. */
  #nextLookMs(plans: ReadonlyMap<string, GroupPlan>, beganAtMs: number): number {
    const { publisher, queue, reporter, settings } = this.#options;
    const times = [...plans.values()].map((plan) => plan.recheckInMs);
    const retries = [publisher.retryInMs(beganAtMs), queue.retryInMs(beganAtMs), reporter.retryInMs()];
    return Math.max(GATHER_MS, leastOf([settings.resyncMs, ...times, ...retries]));
  }
}

/** Without `NotPublished` where we have just published: the caches do not show that yet. */
function withoutWritten(reasons: ReasonsByKey, written: readonly ConfigMapWrite[]): ReasonsByKey {
  const namespaces = new Set(written.map(({ namespace }) => namespace));
  const isUntrue = (key: Key, { code }: Reason) =>
    code === 'NotPublished' && namespaces.has(namespaceOf(key));
  return new Map([...reasons].map(([key, own]) => [key, own.filter((each) => !isUntrue(key, each))]));
}
