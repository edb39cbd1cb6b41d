/**
 * Remembers since when a state has lasted, where the cluster does not say so itself. The memory ends with the
 * leadership. It is only shown; no decision uses it.
 */
import type { Key } from '../../../peers/world.ts';

interface Seen {
  readonly state: string;
  readonly sinceMs: number;
}

export class Ages {
  #seen: ReadonlyMap<Key, Seen> = new Map();

  /**
   * Remembers the present states, and forgets keys that are not given. A new state began at `beganAtMs` if that is
   * known, else now.
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

  /** When the key's state began, wall-clock ms since the epoch; undefined if it has none. */
  sinceMs(key: Key): number | undefined {
    return this.#seen.get(key)?.sinceMs;
  }
}
