/**
 * Follows restarts that are under way. Closes those that have ended, fences those that another leader may have begun,
 * and takes back those that have done nothing yet and are now forbidden. Decides on live reads only.
 */
import { reason } from '../../peers/reasons/reasons.ts';
import { namespaceOf, type World } from '../../peers/world.ts';
import type { Backoff } from '../../runtime/backoff.ts';
import type { Clock } from '../../runtime/clock.ts';
import { isRefusal, wordsOf } from '../../runtime/kube/port.ts';
import type { Log } from '../../runtime/log.ts';
import type { Closing, JournalEntry } from '../plan/journal/journal.ts';
import { type InFlightRestart, InFlightRestarts, LOOK_MS } from '../plan/restarts/in-flight-restarts.ts';
import type { RolloutInput } from '../plan/restarts/rollout.ts';
import type { Setbacks } from '../plan/restarts/setbacks.ts';
import { takeBackWhy } from '../plan/restarts/take-back.ts';
import { noteOfEnd } from '../plan/status/restart-notes.ts';
import type { Reporter } from '../report/reporter.ts';
import type { JournalStore } from './journal-store.ts';
import type { ReadLive } from './live-reads.ts';
import type { Reverter } from './revert.ts';

export interface FollowUpOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: JournalStore;
  readonly reverter: Reverter;
  readonly reporter: Reporter;
  readonly readLive: ReadLive;
  /** The delays of all work for a group, new restarts included. */
  readonly backoff: Backoff;
  /** Gets the restarts that could not be undone, and why. */
  readonly setbacks: Setbacks;
}

/** A piece of work that may be done now, for one group. */
export interface Job {
  readonly group: string;
  /** The namespace that has the turn; empty for work that concerns no single namespace. */
  readonly namespace: string;
  readonly isUrgent: boolean;
  readonly run: () => Promise<void>;
}

export class FollowUp {
  readonly #options: FollowUpOptions;
  readonly #backoff: Backoff;
  readonly #open: InFlightRestarts;

  constructor(options: FollowUpOptions) {
    this.#options = options;
    this.#backoff = options.backoff;
    this.#open = new InFlightRestarts(options.clock);
  }

  /** Call when a restart of this leader is written. */
  began(token: string): void {
    this.#open.noteBegun(token);
  }

  duesInMs(sinceMs?: number): number[] {
    return this.#open.duesInMs(sinceMs);
  }

  /** The jobs that may be done now for restarts under way. */
  due(input: RolloutInput): Job[] {
    const { world } = input;
    this.#open.observe(world);
    this.#options.setbacks.keepUndo(this.#open.undoable(world));
    const ended = this.#ended(world).map((open) => this.#job('close', open, () => this.#close(open, world)));
    const unsure = this.#open.toFence(world).filter(({ group }) => this.#backoff.isDue(`fence ${group}`));
    const fences = unsure.map((open) => this.#job('fence', open, () => this.#fence(open, world)));
    return [...ended, ...fences, ...this.#looks(input), ...this.#redateJobs(world)];
  }

  /** A job that failed last time is not urgent, so that other groups do not wait for it. */
  #job(kind: string, { group, entry }: InFlightRestart, run: Job['run']): Job {
    const namespace = namespaceOf(entry.statefulSet);
    return { group, namespace, run, isUrgent: !this.#backoff.hasFailed(`${kind} ${group}`) };
  }

  #redateJobs({ journal }: World): Job[] {
    if (!this.#backoff.isDue('put right')) return [];
    const keys = this.#options.journal.keysDatedAhead(journal);
    const ofAll = { namespace: '', isUrgent: false };
    return keys.map((group) => ({ ...ofAll, group, run: () => this.#redateAhead(group) }));
  }

  /** Dates entries from a wrong clock anew, so that other restarts wait no longer than usual. */
  async #redateAhead(group: string): Promise<void> {
    const { journal, log } = this.#options;
    // Until the cache shows the write.
    this.#backoff.putOff('put right', 1_000);
    try {
      await journal.redateAhead(group);
      log.info({ group }, 'corrected journal entries that were dated in the future');
    } catch (error) {
      const retryMs = this.#failed('put right', error);
      log.warn({ error, group, retryMs }, 'the dates in the journal could not be corrected');
    }
  }

  /** The write of another leader must show now or be refused, before anything else happens in its group. */
  async #fence(open: InFlightRestart, world: World): Promise<void> {
    const { log } = this.#options;
    const { group, entry } = open;
    try {
      await this.#surelyFenced(entry, world);
      this.#open.noteFenced(open);
      this.#backoff.succeeded(`fence ${group}`);
    } catch (error) {
      const retryMs = this.#failed(`fence ${group}`, error);
      log.warn({ error, group, retryMs }, 'a restart that another leader began could not be fenced');
    }
  }

  /** Rejects if the fence fails, and reports a refusal. */
  async #surelyFenced(entry: JournalEntry, world: World): Promise<boolean> {
    const { setbacks, reverter } = this.#options;
    try {
      const isGone = await reverter.fence(entry, world);
      setbacks.undone(entry.statefulSet);
      return isGone;
    } catch (error) {
      this.#reportRefusal(entry, error);
      throw error;
    }
  }

  #reportRefusal({ statefulSet }: JournalEntry, error: unknown): void {
    if (!isRefusal(error)) return;
    this.#options.setbacks.undoRefused(
      statefulSet,
      reason('RefusedByPolicy', `${statefulSet}: ${wordsOf(error)}`),
    );
  }

  /** Jobs for bumps that have replaced no pod: those to take back by the caches, or to check by a live read. */
  #looks(input: RolloutInput): Job[] {
    const untouched = this.#open.untouched(input.world);
    return untouched
      .filter(({ group }) => this.#backoff.isDue(`take back ${group}`))
      .flatMap((open) => {
        const isForbidden = takeBackWhy(open, input, this.#open.seenForMs(open)) !== undefined;
        if (!isForbidden && !this.#open.isLookDue(open)) return [];
        const job = this.#job('take back', open, () => this.#takeBack(open, input.world));
        return [{ ...job, isUrgent: job.isUrgent && isForbidden }];
      });
  }

  async #takeBack(open: InFlightRestart, world: World): Promise<void> {
    const { log, reporter, setbacks, reverter } = this.#options;
    const { group, entry } = open;
    const isLook = this.#open.isLookDue(open);
    this.#open.postponeLook(open);
    try {
      const why = await reverter.takeBack(open, this.#open);
      setbacks.undone(entry.statefulSet);
      this.#backoff.succeeded(`take back ${group}`);
      // The caches forbade the bump, but live reads did not: the caches are behind, and the next live check finds what
      // they miss.
      if (why === undefined && !isLook) this.#backoff.putOff(`take back ${group}`, LOOK_MS);
      if (why === undefined) return;
      reporter.tell(world, entry.statefulSet, {
        type: 'Normal',
        action: 'Restart',
        reason: 'RestartTakenBack',
        note: `The restart was taken back: ${why}.`,
      });
    } catch (error) {
      this.#reportRefusal(entry, error);
      const failedMs = this.#failed(`take back ${group}`, error);
      const retryMs = isRefusal(error) ? failedMs : Math.min(failedMs, LOOK_MS);
      this.#backoff.putOff(`take back ${group}`, retryMs);
      log.warn({ error, group, retryMs }, 'a restart could not be taken back');
    }
  }

  #ended(world: World): InFlightRestart[] {
    const groups = Object.keys(world.journal?.data ?? {});
    return groups
      .filter((group) => this.#backoff.isDue(`close ${group}`))
      .flatMap((group) => this.#open.outcomes(group, world).map(({ entry }) => ({ group, entry })));
  }

  /** Closes on live reads only: a cache may show a restart under way as one that was never written. */
  async #close(open: InFlightRestart, world: World): Promise<void> {
    const { journal, log, readLive, reporter } = this.#options;
    const { group } = open;
    try {
      const { world: live } = await readLive.of(open.entry.statefulSet);
      const closings = await this.#surelyEnded(open, live);
      // The cache was behind, so give it time.
      if (closings.length === 0) {
        this.#backoff.failed(`close ${group}`, false);
        return;
      }
      await journal.close(group, closings);
      this.#backoff.succeeded(`close ${group}`);
      for (const { entry, outcome } of closings) {
        this.#open.noteEnded(entry);
        log.info({ group, statefulSet: entry.statefulSet, outcome, token: entry.token }, 'restart ended');
        reporter.tell(world, entry.statefulSet, {
          type: outcome === 'notInjected' ? 'Warning' : 'Normal',
          action: 'Restart',
          reason: 'RestartEnded',
          note: noteOfEnd(outcome),
        });
      }
      // Until the cache shows the closed entry.
      this.#backoff.putOff(`close ${group}`, 200);
    } catch (error) {
      const retryMs = this.#failed(`close ${group}`, error);
      log.warn({ error, group, retryMs }, 'a restart that has ended could not be closed in the journal');
    }
  }

  /** The outcomes for this StatefulSet. A restart is void only behind its fence: its write cannot arrive later. */
  async #surelyEnded({ group, entry: { statefulSet } }: InFlightRestart, live: World) {
    const sure: Closing[] = [];
    for (const closing of this.#open.outcomes(group, live)) {
      if (closing.entry.statefulSet !== statefulSet) continue;
      const isSure = closing.outcome !== 'void' || (await this.#surelyFenced(closing.entry, live));
      if (isSure) sure.push(closing);
    }
    return sure;
  }

  #failed(key: string, error: unknown): number {
    return isRefusal(error) ? this.#backoff.refused(key) : this.#backoff.failed(key, false);
  }
}
