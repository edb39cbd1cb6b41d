/** Remembers failed attempts. The memory ends with the leadership; it may delay a restart, never permit one. */
import type { Reason } from '../../../peers/reasons/reasons.ts';
import type { Key } from '../../../peers/world.ts';
import type { Clock } from '../../../runtime/clock.ts';

/** Why the last attempt failed, and the wait in ms until the next; 0: now. */
export interface Setback {
  readonly reason: Reason;
  readonly dueInMs: number;
}

export interface SetbackLookup {
  /** The refusal for this validator alone, until it is restarted. */
  of(key: Key): Setback | undefined;
  ofAll(group: string): Setback | undefined;
  /** Why a restart of this validator could not be undone or fenced. Its whole group waits for that. */
  ofUndo(key: Key): Reason | undefined;
}

/** The state before any attempt. */
export const NO_SETBACKS: SetbackLookup = {
  of: () => undefined,
  ofAll: () => undefined,
  ofUndo: () => undefined,
};

/** The longer of two waits: a restart that was reverted once may be refused by now. */
export function later(journal: Setback | undefined, memory: Setback | undefined): Setback | undefined {
  if (!journal || !memory) return journal ?? memory;
  return memory.dueInMs >= journal.dueInMs ? memory : journal;
}

/** The first delay after a refusal: a policy that refuses usually does so for longer than minutes. */
const REFUSED_MS = 120_000;
const REFUSED_MS_MAX = 1_800_000;
/** After this many conflicts in a row, the conflict counts as a refusal. */
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
  /** How many writes in a row failed because another writer was faster. */
  readonly #conflicts = new Map<Key, number>();
  /** Why writes that undo a restart were refused, by StatefulSet. */
  readonly #reverter = new Map<Key, Reason>();
  /** The wait of all restarts (key undefined), and the waits of single groups. */
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

  undoRefused(key: Key, reason: Reason): void {
    this.#reverter.set(key, reason);
  }

  /** Call if there is nothing left to undo. */
  undone(key: Key): void {
    this.#reverter.delete(key);
  }

  /** Forgets StatefulSets that are not in `undoable`: their bumps cannot be undone any more. */
  keepUndo(undoable: ReadonlySet<Key>): void {
    for (const key of this.#reverter.keys()) if (!undoable.has(key)) this.#reverter.delete(key);
  }

  /** Call if the cluster refuses this restart. The validator is tried again after 2, 4, 8 … 30 minutes. */
  refused(key: Key, reason: Reason): void {
    const failures = this.#refused.get(key)?.failures ?? 0;
    const delayMs = Math.min(REFUSED_MS * 2 ** failures, REFUSED_MS_MAX);
    this.#refused.set(key, this.#state(reason, failures, delayMs));
  }

  /** Call if another writer was faster. True if this has happened so often that it counts as a refusal. */
  conflicted(key: Key, reason: Reason): boolean {
    const conflicts = (this.#conflicts.get(key) ?? 0) + 1;
    this.#conflicts.set(key, conflicts);
    if (conflicts >= CONFLICTS) this.refused(key, reason);
    return conflicts >= CONFLICTS;
  }

  /** Call if no restart, or none of a group, can begin. The next waits are `firstMs`, then twice as long, to 30 s. */
  obstructed(
    reason: Reason,
    { group, firstMs = OBSTACLE_MS }: { group?: string; firstMs?: number } = {},
  ): void {
    const failures = this.#obstacles.get(group)?.failures ?? 0;
    const delayMs = Math.min(firstMs * 2 ** failures, OBSTACLE_MS_MAX);
    this.#obstacles.set(group, this.#state(reason, failures, this.#clock.jitter(delayMs)));
  }

  /** Call after an attempt in the group without such an obstacle. */
  unobstructed(group: string): void {
    this.#obstacles.delete(undefined);
    this.#obstacles.delete(group);
  }

  /** Call when the restart has begun. */
  succeeded(key: Key): void {
    this.#refused.delete(key);
    this.#conflicts.delete(key);
  }

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
