/**
 * One restart attempt at a time, beside the publishing loop, with a delay after each that came to nothing.
 */
import type { Discovery } from '../peers/discover.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import { byText, type Key, type World } from '../peers/world.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { Backoff } from './backoff.ts';
import type { Entry, Outcome } from './journal.ts';
import type { JournalStore } from './journal-store.ts';
import { type Open, OpenRestarts } from './open-restarts.ts';
import type { Reporter } from './reporter.ts';
import type { Restarter } from './restarter.ts';
import type { GroupPlan, Restart, RolloutInput } from './rollout.ts';

/** After a restart was taken back, its group rests for this long. */
const DEFUSED_MS = 60_000;

export interface LaneOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly journal: JournalStore;
  readonly restarter: Restarter;
  readonly reporter: Reporter;
  readonly readLiveWorld: () => Promise<World>;
  /** Called when something ended, so that the loop looks again. */
  readonly onDone: () => void;
}

export class RestartLane {
  readonly #options: LaneOptions;
  readonly #backoff: Backoff;
  /** What the last attempt of a group was refused for, shown until the next. */
  readonly #refusals = new Map<Key, Reason>();
  readonly #open: OpenRestarts;
  #busy: Promise<void> | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock);
    this.#open = new OpenRestarts(options.clock);
  }

  /** Reasons of the last attempts, by StellarNode. */
  get refusals(): ReadonlyMap<Key, Reason> {
    return this.#refusals;
  }

  /** In how many ms to look again, though nothing changes: something is due, or an open entry may turn out void. */
  retryInMs(sinceMs?: number): number | undefined {
    const known = [this.#backoff.nextInMs(sinceMs), ...this.#open.tracesInMs(sinceMs)].filter(
      (ms) => ms !== undefined,
    );
    return known.length === 0 ? undefined : Math.min(...known);
  }

  /** Resolves when nothing is under way here. */
  async idle(): Promise<void> {
    await this.#busy;
  }

  /**
   * Closes what is over, takes back what must not act later, or begins the next restart that is due; nothing while
   * something is under way already.
   */
  offer(
    plans: ReadonlyMap<string, GroupPlan>,
    world: World,
    inputFor: (world: World, discovery: Discovery) => RolloutInput,
  ): void {
    if (this.#busy !== undefined) return;
    this.#open.observe(world);
    const work = this.#nextWork(plans, world, inputFor);
    if (!work) return;
    this.#busy = work().finally(() => {
      this.#busy = undefined;
      this.#options.onDone();
    });
  }

  #nextWork(
    plans: ReadonlyMap<string, GroupPlan>,
    world: World,
    inputFor: (world: World, discovery: Discovery) => RolloutInput,
  ): (() => Promise<void>) | undefined {
    const ended = this.#groupsWithEnded(world);
    const restart = this.#nextDue(plans);
    if (ended.length > 0) {
      return async () => {
        for (const group of ended) await this.#close(group, world);
      };
    }
    const [unsure] = this.#open.toFence(world).filter(({ group }) => this.#backoff.isDue(`fence ${group}`));
    if (unsure) return () => this.#fence(unsure, world);
    const [late] = this.#open.toDefuse(world).filter(({ group }) => this.#backoff.isDue(`defuse ${group}`));
    if (late) return () => this.#defuse(late, world);
    return restart && (() => this.#attempt(restart, world, inputFor));
  }

  /** Before anything else happens in a group, what another leader meant to do there either shows or never will. */
  async #fence(open: Open, world: World): Promise<void> {
    const { log, restarter } = this.#options;
    const { group, entry } = open;
    try {
      await restarter.fence(entry, world);
      this.#open.fenced(open);
      this.#backoff.succeeded(`fence ${group}`);
    } catch (error) {
      const retryMs = this.#backoff.failed(`fence ${group}`, false);
      log.warn({ error, group, retryMs }, 'a restart that another leader began could not be fenced');
    }
  }

  async #defuse({ group, entry }: Open, world: World): Promise<void> {
    const { log, reporter, restarter } = this.#options;
    try {
      if (!(await restarter.defuse(group, entry))) return void this.#backoff.failed(`defuse ${group}`, false);
      this.#backoff.succeeded(`defuse ${group}`);
      // A validator that flaps is not to be bumped and defused in turn.
      this.#backoff.putOff(group, DEFUSED_MS);
      const note = 'The restart was taken back: the pod turned not Ready before it was replaced.';
      reporter.tell(world, entry.statefulSet, {
        type: 'Normal',
        action: 'Restart',
        reason: 'RestartTakenBack',
        note,
      });
    } catch (error) {
      const retryMs = this.#backoff.failed(`defuse ${group}`, false);
      log.warn({ error, group, retryMs }, 'a restart could not be taken back');
    }
  }

  #nextDue(plans: ReadonlyMap<string, GroupPlan>): Restart | undefined {
    const restarts = [...plans.values()].flatMap((plan) => plan.restart ?? []);
    for (const key of this.#refusals.keys()) {
      if (!restarts.some((restart) => restart.validator.key === key)) this.#refusals.delete(key);
    }
    return restarts
      .sort((a, b) => byText(a.group, b.group))
      .find((restart) => this.#backoff.isDue(restart.group));
  }

  #groupsWithEnded(world: World): string[] {
    const groups = Object.keys(world.journal?.data ?? {});
    return groups.filter(
      (group) => this.#backoff.isDue(`close ${group}`) && this.#open.outcomes(group, world).length > 0,
    );
  }

  /** Closes on live reads only: a cache that is behind could mistake what is under way for what never was. */
  async #close(group: string, world: World): Promise<void> {
    const { journal, log, reporter } = this.#options;
    try {
      const closings = await this.#surelyEnded(group, await this.#options.readLiveWorld());
      // The cache was behind: give it time to catch up.
      if (closings.length === 0) {
        this.#backoff.failed(`close ${group}`, false);
        return;
      }
      await journal.close(group, closings);
      for (const { entry, outcome } of closings) {
        this.#open.ended(entry);
        log.info({ group, statefulSet: entry.statefulSet, outcome, token: entry.token }, 'restart ended');
        const note = `Restart (${entry.kind}, ${entry.drift}) ended: ${outcome}.`;
        reporter.tell(world, entry.statefulSet, {
          type: outcome === 'notInjected' ? 'Warning' : 'Normal',
          action: 'Restart',
          reason: 'RestartEnded',
          note,
        });
      }
      // The cache learns of the closed entry a moment later.
      this.#backoff.putOff(`close ${group}`, 200);
    } catch (error) {
      const retryMs = this.#backoff.failed(`close ${group}`, false);
      log.warn({ error, group, retryMs }, 'the journal could not be written');
    }
  }

  /** What never happened must not happen later: that is made sure of before it is said. */
  async #surelyEnded(group: string, live: World) {
    const sure: Array<{ readonly entry: Entry; readonly outcome: Outcome }> = [];
    for (const closing of this.#open.outcomes(group, live)) {
      const isSure = closing.outcome !== 'void' || (await this.#options.restarter.fence(closing.entry, live));
      if (isSure) sure.push(closing);
    }
    return sure;
  }

  async #attempt(
    restart: Restart,
    world: World,
    inputFor: (world: World, discovery: Discovery) => RolloutInput,
  ): Promise<void> {
    const { log, restarter } = this.#options;
    const { group, validator } = restart;
    try {
      const attempt = await restarter.attempt(restart, inputFor);
      if (attempt.kind === 'begun') this.#begun(restart, world);
      if (attempt.kind === 'changed') this.#backoff.failed(group, false);
      if (attempt.kind === 'refused') {
        this.#refusals.set(validator.key, attempt.reason);
        this.#backoff.putOff(group, attempt.reason.code === 'RefusedByPolicy' ? 120_000 : 5_000);
      }
    } catch (error) {
      const retryMs = this.#backoff.failed(group, false);
      const why = reason('StaleCaches', 'live reads failed');
      this.#refusals.set(validator.key, why);
      log.warn({ error, group, retryMs, reason: why.code }, 'a restart could not be decided on live data');
    }
  }

  #begun(restart: Restart, world: World): void {
    this.#backoff.succeeded(restart.group);
    this.#refusals.delete(restart.validator.key);
    this.#open.began(restart.token);
    // The journal in the cache is a moment behind: the next plan must see the open entry.
    this.#backoff.putOff(restart.group, 1_000);
    const { kind, drift } = restart;
    this.#options.metrics.count('stellar_peers_restarts_total', { kind, drift });
    this.#options.reporter.tell(world, restart.validator.key, {
      type: 'Normal',
      action: 'Restart',
      reason: 'Restarting',
      note: `Restarting ${restart.pods.map((pod) => pod.name).join(', ')} by ${kind}: ${drift}.`,
    });
  }
}
