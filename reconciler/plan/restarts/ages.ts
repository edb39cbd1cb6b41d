/**
 * Since when something has been so, for what the cluster does not say itself. Kept in memory for one term, and shown,
 * never decided on.
 */
import type { Key } from '../../../peers/world.ts';

interface Seen {
  readonly state: string;
  readonly sinceMs: number;
}

export class Ages {
  #seen: ReadonlyMap<Key, Seen> = new Map();

  /**
   * Takes in the state of all as it is now; one that is not named is in none. What is new began at `beganAtMs`,
   * where that is known, else now.
   */
  observe(
    states: Iterable<readonly [Key, string]>,
    nowMs: number,
    beganAtMs: (key: Key) => number | undefined = () => undefined,
  ): void {
    const seen = new Map<Key, Seen>();
    for (const [key, state] of states) {
      const before = this.#seen.get(key);
      seen.set(key, before?.state === state ? before : { state, sinceMs: beganAtMs(key) ?? nowMs });
    }
    this.#seen = seen;
  }

  /** Wall-clock ms since the epoch; undefined for who is in no state. */
  sinceMs(key: Key): number | undefined {
    return this.#seen.get(key)?.sinceMs;
  }
}
