/** Since when each peer stands in each validator's files, as the witness sees the ConfigMaps. */
import { keysOf, publishedFor } from './members.ts';
import type { Stage } from './stage.ts';

interface Publication {
  /** Wall ms at which each digest came in. */
  readonly sinceMs: ReadonlyMap<string, number>;
  readonly former: readonly string[];
  /** In ms of the history. */
  readonly changedAtMs: number;
}

export class Publications {
  readonly #stage: Stage;
  readonly #byNode = new Map<string, Publication>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Takes in what stands there now. */
  note(): void {
    const { time } = this.#stage;
    for (const key of keysOf(this.#stage.plan)) {
      const digests = publishedFor(this.#stage, key)?.digests ?? [];
      const last = this.#byNode.get(key)?.sinceMs;
      const former = [...(last?.keys() ?? [])];
      if (former.join() === digests.join()) continue;
      const sinceMs = new Map(digests.map((digest) => [digest, last?.get(digest) ?? time.nowMs()]));
      this.#byNode.set(key, { sinceMs, former, changedAtMs: time.monotonicMs() });
    }
  }

  /** When a peer came into a validator's files, wall ms; Infinity if it does not stand there now. */
  sinceMs(key: string, digest: string): number {
    return this.#byNode.get(key)?.sinceMs.get(digest) ?? Number.POSITIVE_INFINITY;
  }

  /** True if a peer does not stand in a validator's files, or did not at some time within the last `forMs`. */
  wasOut(key: string, digest: string, forMs: number): boolean {
    return this.sinceMs(key, digest) >= this.#stage.time.nowMs() - forMs;
  }

  /** When a validator's files became what they are, wall ms. */
  changedAtMs(key: string): number {
    const { time } = this.#stage;
    const publication = this.#byNode.get(key);
    return publication ? time.nowMs() - time.monotonicMs() + publication.changedAtMs : 0;
  }

  /** Peers in a validator's files now, or until `forMs` ago. */
  lately(key: string, forMs: number): string[] {
    const publication = this.#byNode.get(key);
    if (!publication) return [];
    const isRecent = this.#stage.time.monotonicMs() - publication.changedAtMs <= forMs;
    return [...new Set([...publication.sinceMs.keys(), ...(isRecent ? publication.former : [])])];
  }
}
