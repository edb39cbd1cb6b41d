/**
 * Remembers failed attempts: why a validator could not be restarted, and why all must wait. The memory ends with the
 * leadership; it may delay a restart, never permit one.
 */
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
  /** The wait of every restart of the group. */
  ofAll(group: string): Setback | undefined;
}

/** The state before any attempt. */
export const NO_SETBACKS: SetbackLookup = {
  of: () => undefined,
  ofAll: () => undefined,
};

/** The longer of two waits: a restart that was reverted once may be refused by now. */
export function later(journal: Setback | undefined, memory: Setback | undefined): Setback | undefined {
  if (!journal || !memory) return journal ?? memory;
  return memory.dueInMs >= journal.dueInMs ? memory : journal;
}

/** After this many conflicts in a row, the conflict counts as a refusal. */
const CONFLICTS = 3;
/** The wait of all restarts. Validators and groups have keys of their own. */
const ALL = '';

export class Setbacks implements SetbackLookup {
  readonly #backoff: Backoff;
  /** Why the last attempt failed: by validator, by group, or for all. */
  readonly #reasons = new Map<string, Reason>();
  /** How many writes in a row failed because another writer was faster. */
  readonly #conflicts = new Map<Key, number>();

  constructor(clock: Clock) {
    this.#backoff = new Backoff(clock);
  }

  of(key: Key): Setback | undefined {
    const why = this.#reasons.get(key);
    return why && { reason: why, dueInMs: this.#backoff.dueInMs(key) };
  }

  ofAll(group: string): Setback | undefined {
    return later(this.of(ALL), this.of(group));
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

  /** Call if no restart at all, or none of a group, can begin. Each wait is longer, from `firstMs` to 30 s. */
  obstructed(reason: Reason, { group = ALL, firstMs = 0 }: { group?: string; firstMs?: number } = {}): void {
    this.#reasons.set(group, reason);
    this.#backoff.failed(group, false, firstMs);
  }

  /** Call after an attempt in the group without such an obstacle. */
  unobstructed(group: string): void {
    this.#forget(ALL);
    this.#forget(group);
  }

  /** Call when the restart has begun. */
  succeeded(key: Key): void {
    this.#forget(key);
    this.#conflicts.delete(key);
  }

  /** Forgets all validators but `waiting`, and all groups but `groups`. */
  keep(waiting: ReadonlySet<Key>, groups: ReadonlySet<string>): void {
    for (const key of this.#conflicts.keys()) if (!waiting.has(key)) this.#conflicts.delete(key);
    const isKept = (key: string) => (key === ALL ? waiting.size > 0 : waiting.has(key) || groups.has(key));
    for (const key of this.#reasons.keys()) if (!isKept(key)) this.#forget(key);
  }

  #forget(key: string): void {
    this.#reasons.delete(key);
    this.#backoff.succeeded(key);
  }
}
