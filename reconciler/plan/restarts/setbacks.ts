/** Remembers failed attempts. The memory ends with the leadership; it may delay a restart, never permit one. */
import type { Reason } from '../../../peers/reasons/reasons.ts';
import type { Key } from '../../../peers/world.ts';
import { Backoff } from '../../../runtime/backoff.ts';
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

/** After this many conflicts in a row, the conflict counts as a refusal. */
const CONFLICTS = 3;
/** In place of a group, for an obstacle to all restarts. */
const EVERYTHING = '';

export class Setbacks implements SetbackLookup {
  readonly #backoff: Backoff;
  /** Why attempts failed, by validator or by group. The key of a validator has a slash, and that of a group has none. */
  readonly #reasons = new Map<string, Reason>();
  /** How many writes in a row failed because another writer was faster. */
  readonly #conflicts = new Map<Key, number>();
  /** Why writes that undo a restart were refused, by StatefulSet. */
  readonly #reverter = new Map<Key, Reason>();

  constructor(clock: Clock) {
    this.#backoff = new Backoff(clock);
  }

  of(key: Key): Setback | undefined {
    return this.#shown(key);
  }

  ofAll(group: string): Setback | undefined {
    return later(this.#shown(EVERYTHING), this.#shown(group));
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
    this.#reasons.set(key, reason);
    this.#backoff.refused(key);
  }

  /** Call if another writer was faster. True if this has happened so often that it counts as a refusal. */
  conflicted(key: Key, reason: Reason): boolean {
    const conflicts = (this.#conflicts.get(key) ?? 0) + 1;
    this.#conflicts.set(key, conflicts);
    if (conflicts >= CONFLICTS) this.refused(key, reason);
    return conflicts >= CONFLICTS;
  }

  /** Call if no restart, or none of a group, can begin. The waits grow to 30 s, and are at least `firstMs`. */
  obstructed(
    reason: Reason,
    { group = EVERYTHING, firstMs }: { group?: string; firstMs?: number } = {},
  ): void {
    this.#reasons.set(group, reason);
    this.#backoff.failed(group, false, firstMs);
  }

  /** Call after an attempt in the group without such an obstacle. */
  unobstructed(group: string): void {
    this.#forget(EVERYTHING);
    this.#forget(group);
  }

  /** Call when the restart has begun. */
  succeeded(key: Key): void {
    this.#forget(key);
    this.#conflicts.delete(key);
  }

  keep(waiting: ReadonlySet<Key>, groups: ReadonlySet<string>): void {
    for (const key of this.#conflicts.keys()) if (!waiting.has(key)) this.#conflicts.delete(key);
    for (const key of this.#reasons.keys()) {
      const isKept = key === EVERYTHING ? waiting.size > 0 : waiting.has(key) || groups.has(key);
      if (!isKept) this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#reasons.delete(key);
    this.#backoff.succeeded(key);
  }

  #shown(key: string): Setback | undefined {
    const reason = this.#reasons.get(key);
    return reason && { reason, dueInMs: this.#backoff.dueInMs(key) };
  }
}
