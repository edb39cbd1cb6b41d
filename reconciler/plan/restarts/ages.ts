/** Remembers since when a state has lasted, where the cluster does not say. Ends with the leadership. */
interface Seen {
  readonly state: string;
  readonly sinceMs: number;
}

export class Ages {
  #seen: ReadonlyMap<string, Seen> = new Map();

  /** Remembers these states, and no others. A new one began at `beganAtMs` if that is known, else now. */
  observe(
    states: Iterable<readonly [string, string]>,
    nowMs: number,
    beganAtMs: (key: string) => number | undefined = () => undefined,
  ): void {
    const seen = new Map<string, Seen>();
    for (const [key, state] of states) {
      const before = this.#seen.get(key);
      seen.set(key, before?.state === state ? before : { state, sinceMs: beganAtMs(key) ?? nowMs });
    }
    this.#seen = seen;
  }

  /** When the key's state began, by the clock that `observe` was given; undefined if it has none. */
  sinceMs(key: string): number | undefined {
    return this.#seen.get(key)?.sinceMs;
  }
}
