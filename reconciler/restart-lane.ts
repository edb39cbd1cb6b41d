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
import { type Entry, type Outcome, openEntries, readJournal } from './journal.ts';
import type { JournalStore } from './journal-store.ts';
import { isToBeDefused, outcomeOf, TRACE_MS } from './outcome.ts';
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

/** A token is the same each time that the same is meant. */
const idOf = ({ token, atMs }: Entry): string => `${token} ${atMs}`;

export class RestartLane {
  readonly #options: LaneOptions;
  readonly #backoff: Backoff;
  /** What the last attempt of a group was refused for, shown until the next. */
  readonly #refusals = new Map<Key, Reason>();
  /** Restarts that were begun in this term, and so watched from the beginning. */
  readonly #begunTokens = new Set<string>();
  /** Since when an open entry is seen, monotonic: clocks of other leaders are not trusted. */
  readonly #seenSinceMs = new Map<string, number>();
  #busy: Promise<void> | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock);
  }

  /** Reasons of the last attempts, by StellarNode. */
  get refusals(): ReadonlyMap<Key, Reason> {
    return this.#refusals;
  }

  /** In how many ms to look again, though nothing changes: something is due, or an open entry may turn out void. */
  retryInMs(): number | undefined {
    const nowMs = this.#options.clock.monotonicMs();
    const traces = [...this.#seenSinceMs.values()].map((sinceMs) => sinceMs + TRACE_MS - nowMs);
    const known = [this.#backoff.nextInMs(), ...traces.filter((ms) => ms > 0)].filter(
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
    this.#watchOpen(world);
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
    const [late] = this.#toDefuse(world);
    if (late) return () => this.#defuse(late, world);
    return restart && (() => this.#attempt(restart, world, inputFor));
  }

  #watchOpen({ journal }: World): void {
    const nowMs = this.#options.clock.monotonicMs();
    const groups = Object.keys(journal?.data ?? {});
    const open = groups.flatMap((group) => openEntries(readJournal(journal, group) ?? []));
    const ids = new Set(open.map(idOf));
    for (const id of this.#seenSinceMs.keys()) if (!ids.has(id)) this.#seenSinceMs.delete(id);
    for (const id of ids) if (!this.#seenSinceMs.has(id)) this.#seenSinceMs.set(id, nowMs);
  }

  #toDefuse(world: World): Array<{ readonly group: string; readonly entry: Entry }> {
    return Object.keys(world.journal?.data ?? {}).flatMap((group) =>
      openEntries(readJournal(world.journal, group) ?? [])
        .filter((entry) => this.#backoff.isDue(`defuse ${group}`) && isToBeDefused(entry, world))
        .map((entry) => ({ group, entry })),
    );
  }

  async #defuse({ group, entry }: { group: string; entry: Entry }, world: World): Promise<void> {
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
      (group) => this.#backoff.isDue(`close ${group}`) && this.#ended(group, world).length > 0,
    );
  }

  #ended(group: string, world: World) {
    const nowMs = this.#options.clock.monotonicMs();
    return openEntries(readJournal(world.journal, group) ?? []).flatMap((entry) => {
      const seenForMs = nowMs - (this.#seenSinceMs.get(idOf(entry)) ?? nowMs);
      const outcome = outcomeOf(entry, world, { seenForMs, watched: this.#begunTokens.has(entry.token) });
      return outcome === undefined ? [] : [{ entry, outcome }];
    });
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
        this.#begunTokens.delete(entry.token);
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
    for (const closing of this.#ended(group, live)) {
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
    this.#begunTokens.add(restart.token);
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
