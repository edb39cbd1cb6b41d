/**
 * What the last attempts came to: why a validator could not be restarted, and what all of them wait for. Memory of one
 * term, which delays and never permits.
 */
import type { Reason } from '../../../peers/reasons/reasons.ts';
import type { Key } from '../../../peers/world.ts';
import type { Clock } from '../../../runtime/clock.ts';

/** Why the last attempt came to nothing, and in how many ms the next may be made; 0: now. */
export interface Setback {
  readonly reason: Reason;
  readonly dueInMs: number;
}

export interface SetbackLookup {
  /** What was refused for this validator alone, until it is restarted. */
  of(key: Key): Setback | undefined;
  /** What every restart of the group waits for, whichever is tried. */
  ofAll(group: string): Setback | undefined;
  /** Why what it was restarted by could not be undone, or made sure of: all of its group wait for that. */
  ofUndo(key: Key): Reason | undefined;
}

/** As for who has tried nothing yet. */
export const NO_SETBACKS: SetbackLookup = {
  of: () => undefined,
  ofAll: () => undefined,
  ofUndo: () => undefined,
};

/** What keeps a restart waiting for longer: one that was reverted once may be refused by now. */
export function later(journal: Setback | undefined, memory: Setback | undefined): Setback | undefined {
  if (!journal || !memory) return journal ?? memory;
  return memory.dueInMs >= journal.dueInMs ? memory : journal;
}

/** A policy that says no does so for longer than minutes, as a rule. */
const REFUSED_MS = 120_000;
const REFUSED_MS_MAX = 1_800_000;
/** So many conflicts one after the other are no chance any more. */
const CONFLICTS = 3;
const OBSTACLE_MS = 250;
const OBSTACLE_MS_MAX = 30_000;

interface State {
  readonly reason: Reason;
  readonly failures: number;
  readonly dueAtMs: number;
}

export class Setbacks implements SetbackLookup {
  readonly #clock: Clock;
  readonly #refused = new Map<Key, State>();
  /** How many writes in a row came too late, after one by others. */
  readonly #conflicts = new Map<Key, number>();
  /** Why writes that undo a restart were refused, by the StatefulSet that it is of. */
  readonly #reverter = new Map<Key, Reason>();
  /** What all restarts wait for, and by group, what those of that group do. */
  readonly #obstacles = new Map<string | undefined, State>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(key: Key): Setback | undefined {
    return this.#shown(this.#refused.get(key));
  }

  ofAll(group: string): Setback | undefined {
    return later(this.#shown(this.#obstacles.get(undefined)), this.#shown(this.#obstacles.get(group)));
  }

  ofUndo(key: Key): Reason | undefined {
    return this.#reverter.get(key);
  }

  /** The cluster said no to undoing this one. */
  undoRefused(key: Key, reason: Reason): void {
    this.#reverter.set(key, reason);
  }

  /** There is nothing to be undone there, or it was. */
  undone(key: Key): void {
    this.#reverter.delete(key);
  }

  /** Forgets what need not be undone any more: `undoable` are those of which something may have to be. */
  keepUndo(undoable: ReadonlySet<Key>): void {
    for (const key of this.#reverter.keys()) if (!undoable.has(key)) this.#reverter.delete(key);
  }

  /** The cluster said no to this one: tried again after 2, 4, 8 … 30 minutes. */
  refused(key: Key, reason: Reason): void {
    const failures = this.#refused.get(key)?.failures ?? 0;
    const delayMs = Math.min(REFUSED_MS * 2 ** failures, REFUSED_MS_MAX);
    this.#refused.set(key, this.#state(reason, failures, delayMs));
  }

  /** Another writer was first. True if that happened so often that it counts as refused. */
  conflicted(key: Key, reason: Reason): boolean {
    const conflicts = (this.#conflicts.get(key) ?? 0) + 1;
    this.#conflicts.set(key, conflicts);
    if (conflicts >= CONFLICTS) this.refused(key, reason);
    return conflicts >= CONFLICTS;
  }

  /** Nothing at all, or nothing of that group, can be restarted: tried again after `firstMs`, then twice as long, at most 30 s. */
  obstructed(
    reason: Reason,
    { group, firstMs = OBSTACLE_MS }: { group?: string; firstMs?: number } = {},
  ): void {
    const failures = this.#obstacles.get(group)?.failures ?? 0;
    const delayMs = Math.min(firstMs * 2 ** failures, OBSTACLE_MS_MAX);
    this.#obstacles.set(group, this.#state(reason, failures, this.#clock.jitter(delayMs)));
  }

  /** An attempt in that group met no obstacle. */
  unobstructed(group: string): void {
    this.#obstacles.delete(undefined);
    this.#obstacles.delete(group);
  }

  /** This one is being restarted. */
  succeeded(key: Key): void {
    this.#refused.delete(key);
    this.#conflicts.delete(key);
  }

  /** Forgets what nothing waits for any more: `waiting` are those that lack something, of those groups. */
  keep(waiting: ReadonlySet<Key>, groups: ReadonlySet<string>): void {
    for (const known of [this.#refused, this.#conflicts]) {
      for (const key of known.keys()) if (!waiting.has(key)) known.delete(key);
    }
    for (const group of this.#obstacles.keys()) {
      if (group === undefined ? waiting.size === 0 : !groups.has(group)) this.#obstacles.delete(group);
    }
  }

  #state(reason: Reason, failures: number, delayMs: number): State {
    return { reason, failures: failures + 1, dueAtMs: this.#clock.monotonicMs() + delayMs };
  }

  #shown(state: State | undefined): Setback | undefined {
    if (!state) return undefined;
    return { reason: state.reason, dueInMs: Math.max(0, state.dueAtMs - this.#clock.monotonicMs()) };
  }
}
