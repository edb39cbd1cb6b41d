/**
 * What becomes of restarts that are under way: closed when they are over, fenced where another leader may have meant them,
 * taken back where they have done nothing yet and should not any more. All on live reads.
 */
import type { Discovery } from '../../peers/discovery/discover.ts';
import { reason } from '../../peers/reasons/reasons.ts';
import type { World } from '../../peers/world.ts';
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

/** What the plans take, of a World that was read. */
export type InputFor = (world: World, discovery: Discovery) => RolloutInput;

export interface FollowUpOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: JournalStore;
  readonly reverter: Reverter;
  readonly reporter: Reporter;
  readonly readLive: ReadLive;
  /** The same for all that concerns a group, new restarts included. */
  readonly backoff: Backoff;
  /** What could not be undone is told there. */
  readonly setbacks: Setbacks;
}

/** Something that may be done now, for one group. */
export interface Job {
  readonly group: string;
  /** True for what comes before all that is not. */
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

  /** This leader has begun a restart. */
  began(token: string): void {
    this.#open.noteBegun(token);
  }

  /** In how many ms something is due, though nothing changes. */
  duesInMs(sinceMs?: number): number[] {
    return this.#open.duesInMs(sinceMs);
  }

  /** What may be done now with those under way. */
  due(input: RolloutInput, inputFor: InputFor): Job[] {
    const { world } = input;
    this.#open.observe(world);
    this.#options.setbacks.keepUndo(this.#open.undoable(world));
    const ended = this.#ended(world).map((open) => this.#job('close', open, () => this.#close(open, world)));
    const unsure = this.#open.toFence(world).filter(({ group }) => this.#backoff.isDue(`fence ${group}`));
    const fences = unsure.map((open) => this.#job('fence', open, () => this.#fence(open, world)));
    return [...ended, ...fences, ...this.#looks(input, inputFor), ...this.#toPutRight(world)];
  }

  /** What failed at the last try is not urgent: what others wait for comes first. */
  #job(kind: string, { group }: InFlightRestart, run: Job['run']): Job {
    return { group, run, isUrgent: !this.#backoff.hasFailed(`${kind} ${group}`) };
  }

  #toPutRight({ journal }: World): Job[] {
    if (!this.#backoff.isDue('put right')) return [];
    const keys = this.#options.journal.keysDatedAhead(journal);
    return keys.map((group) => ({ group, isUrgent: false, run: () => this.#redateAhead(group) }));
  }

  /** Restarts that a wrong clock dated: as of now, they keep others waiting for as long as usual, and no longer. */
  async #redateAhead(group: string): Promise<void> {
    const { journal, log } = this.#options;
    // The cache learns of it a moment later.
    this.#backoff.putOff('put right', 1_000);
    try {
      await journal.redateAhead(group);
      log.info({ group }, 'restarts that the journal dates ahead of now are dated as of now');
    } catch (error) {
      const retryMs = this.#failed('put right', error);
      log.warn({ error, group, retryMs }, 'the journal could not be put right');
    }
  }

  /** Before anything else happens in a group, what another leader meant to do there either shows or never will. */
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

  /** Rejects where that fails, and tells it where it is refused. */
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

  /** Bumps that do nothing, and should be taken back by what the caches show, or may by what they do not show yet. */
  #looks(input: RolloutInput, inputFor: InputFor): Job[] {
    const untouched = this.#open.untouched(input.world);
    return untouched
      .filter(({ group }) => this.#backoff.isDue(`take back ${group}`))
      .flatMap((open) => {
        const isForbidden = takeBackWhy(open, input, this.#open.seenForMs(open)) !== undefined;
        if (!isForbidden && !this.#open.isLookDue(open)) return [];
        const job = this.#job('take back', open, () => this.#takeBack(open, input.world, inputFor));
        return [{ ...job, isUrgent: job.isUrgent && isForbidden }];
      });
  }

  async #takeBack(open: InFlightRestart, world: World, inputFor: InputFor): Promise<void> {
    const { log, reporter, setbacks, reverter } = this.#options;
    const { group, entry } = open;
    const isLook = this.#open.isLookDue(open);
    this.#open.postponeLook(open);
    try {
      const why = await reverter.takeBack(open, inputFor, this.#open);
      setbacks.undone(entry.statefulSet);
      this.#backoff.succeeded(`take back ${group}`);
      // Where the caches are behind, what they miss next is found no later than without them.
      if (why === undefined && !isLook) this.#backoff.putOff(`take back ${group}`, LOOK_MS);
      if (why === undefined) return;
      reporter.tell(world, entry.statefulSet, {
        type: 'Normal',
        action: 'Restart',
        reason: 'RestartTakenBack',
        note: `The restart was taken back before a pod was replaced: ${why}.`,
      });
    } catch (error) {
      this.#reportRefusal(entry, error);
      const failedMs = this.#failed(`take back ${group}`, error);
      const retryMs = isRefusal(error) ? failedMs : Math.min(failedMs, LOOK_MS);
      this.#backoff.putOff(`take back ${group}`, retryMs);
      log.warn({ error, group, retryMs }, 'a restart could not be taken back');
    }
  }

  /** Restarts that are over by the caches. */
  #ended(world: World): InFlightRestart[] {
    const groups = Object.keys(world.journal?.data ?? {});
    return groups
      .filter((group) => this.#backoff.isDue(`close ${group}`))
      .flatMap((group) => this.#open.outcomes(group, world).map(({ entry }) => ({ group, entry })));
  }

  /** Closes on live reads only: a cache that is behind could mistake what is under way for what never was. */
  async #close(open: InFlightRestart, world: World): Promise<void> {
    const { journal, log, readLive, reporter } = this.#options;
    const { group } = open;
    try {
      const { world: live } = await readLive.of(open.entry.statefulSet);
      const closings = await this.#surelyEnded(open, live);
      // The cache was behind: give it time to catch up.
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
      // The cache learns of the closed entry a moment later.
      this.#backoff.putOff(`close ${group}`, 200);
    } catch (error) {
      const retryMs = this.#failed(`close ${group}`, error);
      log.warn({ error, group, retryMs }, 'a restart that is over could not be closed');
    }
  }

  /** Of that StatefulSet alone. What never happened must not happen later: that is made sure of before it is said. */
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
