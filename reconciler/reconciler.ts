/**
 * The leader's loop: something changed → publish what should be known → restart who needs it → say the rest.
 * Owns the order and the timing; every decision is made by the pure modules beside it.
 */
import type { Discovery } from '../peers/discover.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import type { Key, Validator, World } from '../peers/world.ts';
import type { Caches } from '../runtime/caches.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Changes, Directory } from '../runtime/directory.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { inOneGo, inSlices } from '../runtime/slices.ts';
import { Wake } from '../runtime/wake.ts';
import { AtRest } from './at-rest.ts';
import { awaitEcho, withoutOverview } from './echo.ts';
import { GATHER_MS, Gathering } from './gathering.ts';
import type { Quiet } from './guards.ts';
import { LivenessMemory } from './liveness.ts';
import { type Found, Measures } from './measures.ts';
import { pauseToRestore, type SeenPause, seePause } from './pause.ts';
import { newcomersOf, type PublishPlan, PublishPlanner, withData } from './publish.ts';
import type { Publisher } from './publisher.ts';
import { ReadAhead } from './read-ahead.ts';
import { refusedReports } from './refused.ts';
import { mergeRemarks, signalRemarks } from './remarks.ts';
import type { Reporter } from './reporter.ts';
import type { RestartLane } from './restart-lane.ts';
import { type GroupPlan, planRollout, type RolloutInput, type RolloutSettings } from './rollout.ts';
import { planServices, type ServicePlan } from './services.ts';
import { signalSteps } from './signal-targets.ts';
import type { Signaller } from './signaller.ts';

/** How long to wait for the watch to show our own writes before planning on. */
const ECHO_MS = 1_000;
/** Older caches restart nobody. */
const STALE_MS_MAX = 30_000;

export interface ReconcilerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly caches: Caches;
  readonly directory: Directory;
  readonly publisher: Publisher;
  readonly reporter: Reporter;
  readonly settings: RolloutSettings & { readonly maxPeers: number; readonly resyncMs: number };
  readonly lane: (onDone: () => void) => RestartLane;
  /** Undefined where validators are never called. */
  readonly signaller: ((onChange: () => void) => Signaller) | undefined;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #wake: Wake;
  readonly #lane: RestartLane;
  readonly #signaller: Signaller | undefined;
  readonly #liveness: LivenessMemory;
  #planner = new PublishPlanner();
  readonly #atRest = new AtRest();
  readonly #readAhead = new ReadAhead();
  readonly #measures: Measures;
  /** When everything was last worked out from the caches alone, monotonic ms. */
  #afreshAtMs: number;
  readonly #startedAtMs: number;
  #pause: SeenPause;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#wake = new Wake(options.clock);
    this.#lane = options.lane(() => this.#wake.ring());
    this.#signaller = options.signaller?.(() => this.#wake.ring());
    const { clock, metrics } = options;
    this.#measures = new Measures({ clock, metrics, ownNamespace: options.settings.ownNamespace });
    this.#startedAtMs = options.clock.monotonicMs();
    this.#afreshAtMs = this.#startedAtMs;
    this.#liveness = new LivenessMemory(this.#startedAtMs);
  }

  /** Reconciles until `signal` aborts; what is under way then is finished first. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { caches, clock, log } = this.#options;
    const stopListening = caches.onChange((kind, key) => {
      this.#atRest.touch(kind, key);
      this.#wake.ring();
    });
    this.#atRest.clear();
    let waitMs = 0;
    const gathering = new Gathering(clock);
    while (!signal.aborted) {
      await this.#wake.wait(waitMs, signal);
      await gathering.wait(signal);
      if (signal.aborted) break;
      try {
        waitMs = await this.#pass();
      } catch (error) {
        log.error({ error }, 'a pass failed; the next one starts afresh');
        waitMs = ECHO_MS;
      }
      gathering.passed();
    }
    stopListening();
    await Promise.all([this.#lane.idle(), this.#signaller?.stop()]);
    this.#options.reporter.end();
    this.#measures.end();
  }

  /** One pass over everything. Resolves to the time, in ms, after which to look again without a change. */
  async #pass(): Promise<number> {
    const { caches, clock, directory, metrics, publisher, reporter, settings } = this.#options;
    if (!caches.synced()) return ECHO_MS;
    const beganAtMs = clock.monotonicMs();
    const { world } = caches;
    this.#forgetInTime();
    await inOneGo(clock, () => directory.discovery());
    this.#liveness.observe(world, directory.discovery(), clock.monotonicMs());
    await this.#keepPause(world);
    const published = await this.#planPublish(world);
    const newcomers = newcomersOf(published.configMaps, { world, discovery: directory.discovery() });
    const written = await publisher.publish(published.configMaps);
    metrics.count('stellar_peers_configmap_writes_total', {}, written.size);
    reporter.tellPublished(
      world,
      newcomers.filter(({ namespace }) => written.has(namespace)),
    );
    await awaitEcho(withoutOverview(written, world, settings.ownNamespace), { caches, clock }, ECHO_MS);
    const services = await inOneGo(clock, () => planServices(world, directory.discovery()));
    await publisher.createServices(services);
    await this.#signal(world);
    await inSlices(clock, this.#readAhead.steps(world, directory.discovery()));
    const found = await inOneGo(clock, () => this.#decide(published, services));
    await this.#measures.take(found);
    return this.#nextLookMs(found.plans, beganAtMs);
  }

  /** In one go: the world goes on during each wait, so what was discovered before one is no longer its. */
  #decide(published: PublishPlan, services: ServicePlan): Found {
    const { caches, directory, publisher, reporter, settings } = this.#options;
    const { world } = caches;
    const discovery = directory.discovery();
    const { plans, stale } = this.#planRestarts(world, discovery);
    if (!stale) this.#lane.offer(plans, world, (live, found) => this.#inputFor(live, found));
    const reasons = mergeReasons([
      discovery.remarks,
      mergeRemarks(world, discovery),
      services.reports,
      published.reports,
      refusedReports(publisher.refusals, published.configMaps, { world, discovery }),
      ...[...plans.values()].flatMap((plan) => [plan.remarks, plan.holds]),
      signalRemarks(this.#signaller?.closedNodes ?? new Set(), world, settings.ownNamespace),
      this.#lane.refusals,
      discovery.skipped,
    ]);
    reporter.report(world, reasons);
    return { world, discovery, plans, reasons, connections: this.#signaller?.connections ?? new Map() };
  }

  /** Once in a while nothing that is remembered is believed: a mistake in it would otherwise stay. */
  #forgetInTime(): void {
    const { clock, directory, settings } = this.#options;
    if (clock.monotonicMs() - this.#afreshAtMs < settings.resyncMs) return;
    this.#afreshAtMs = clock.monotonicMs();
    this.#planner = new PublishPlanner();
    this.#atRest.clear();
    directory.forget();
  }

  /** In slices, each on the world as it then is: the next pass follows whatever changes in between. */
  async #planPublish(world: World): Promise<PublishPlan> {
    const { clock, directory, metrics, settings } = this.#options;
    const { ownNamespace } = settings;
    const connections = this.#signaller?.connections ?? new Map();
    const steps = this.#planner.steps(() => ({
      ...{ world, connections, ownNamespace },
      discovery: directory.discovery(),
      views: directory.views(),
      nowMs: clock.nowMs(),
    }));
    const plan = await inSlices(clock, withData(steps));
    const series = [...plan.viewSizes].map(([namespace, value]) => ({ labels: { namespace }, value }));
    metrics.replace('stellar_peers_view_size', series);
    return plan;
  }

  /** After publishing: what is told is what the files say by now. */
  async #signal(world: World): Promise<void> {
    const { clock, directory, settings } = this.#options;
    const { mayListen } = this.#signaller ?? {};
    if (!mayListen) return;
    const discovery = directory.discovery();
    const listingOf = ({ key }: Validator) => directory.desired(key);
    const scope = await inSlices(clock, signalSteps({ world, discovery, listingOf, settings, mayListen }));
    this.#signaller?.offer(scope);
  }

  async #keepPause(world: World): Promise<void> {
    const { publisher, settings } = this.#options;
    this.#pause = seePause(this.#pause, world, settings.ownNamespace);
    const value = pauseToRestore(this.#pause, world, settings.ownNamespace);
    if (value !== undefined) await publisher.restorePause(value);
  }

  #planRestarts(world: World, discovery: Discovery): { plans: Map<string, GroupPlan>; stale: boolean } {
    const { caches } = this.#options;
    const plans = planRollout({ ...this.#inputFor(world, discovery), atRest: this.#atRest });
    const stale = caches.staleMs() > STALE_MS_MAX;
    if (!stale) return { plans, stale };
    for (const [key, plan] of plans) {
      const { restart } = plan;
      if (!restart) continue;
      const holds = new Map(plan.holds).set(restart.validator.key, reason('StaleCaches'));
      plans.set(key, { ...plan, restart: undefined, holds, recheckInMs: ECHO_MS });
    }
    return { plans, stale };
  }

  #inputFor(world: World, discovery: Discovery): RolloutInput {
    const { clock, directory, settings } = this.#options;
    const nowMs = clock.monotonicMs();
    return {
      world,
      discovery,
      liveness: this.#liveness.at(nowMs),
      settings,
      nowMs: clock.nowMs(),
      quiet: (group) => this.#quiet(directory.membershipChanges(group), nowMs),
    };
  }

  /** A new leader did not see what came before it: its own start counts as a change. */
  #quiet(changes: Changes | undefined, nowMs: number): Quiet {
    const lastAtMs = Math.max(changes?.lastAtMs ?? 0, this.#startedAtMs);
    const firstAtMs = Math.max(changes?.firstAtMs ?? 0, this.#startedAtMs);
    return { quietMs: nowMs - lastAtMs, changingMs: lastAtMs - firstAtMs };
  }

  /** What fell due while this pass went on, which may have passed it by already, is not slept over. */
  #nextLookMs(plans: ReadonlyMap<string, GroupPlan>, beganAtMs: number): number {
    const { publisher, reporter, settings } = this.#options;
    const times = [...plans.values()].map((plan) => plan.recheckInMs);
    const retries = [publisher.retryInMs(beganAtMs), this.#lane.retryInMs(beganAtMs), reporter.retryInMs()];
    const known = [...times, ...retries].filter((ms) => ms !== undefined);
    return Math.max(GATHER_MS, Math.min(settings.resyncMs, ...known));
  }
}

/** One reason per StellarNode: a later map wins over an earlier one. */
function mergeReasons(maps: ReadonlyArray<ReadonlyMap<Key, Reason>>): Map<Key, Reason> {
  return new Map(maps.flatMap((map) => [...map]));
}
