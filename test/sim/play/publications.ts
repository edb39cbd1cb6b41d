/** The witness' record of the ConfigMaps: since when each validator's files contain each peer. */
import { keysOf, publishedFor } from './members.ts';
import type { Stage } from './stage.ts';

interface Publication {
  /** When each digest was added, in wall-clock ms. */
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

  /** Notes the present content. */
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

  /** When a peer was added to a validator's files, in wall-clock ms; Infinity if it is not there now. */
  sinceMs(key: string, digest: string): number {
    return this.#byNode.get(key)?.sinceMs.get(digest) ?? Number.POSITIVE_INFINITY;
  }

  /** True if a peer is not in a validator's files, or was not at some time within the last `forMs`. */
  wasOut(key: string, digest: string, forMs: number): boolean {
    return this.sinceMs(key, digest) >= this.#stage.time.nowMs() - forMs;
  }

  /** When a validator's files last changed, in wall-clock ms. */
  changedAtMs(key: string): number {
    const { time } = this.#stage;
    const publication = this.#byNode.get(key);
    return publication ? time.nowMs() - time.monotonicMs() + publication.changedAtMs : 0;
  }

  /** The peers in a validator's files now, or at some time within the last `forMs`. */
  lately(key: string, forMs: number): string[] {
    const publication = this.#byNode.get(key);
    if (!publication) return [];
    const isRecent = this.#stage.time.monotonicMs() - publication.changedAtMs <= forMs;
    return [...new Set([...publication.sinceMs.keys(), ...(isRecent ? publication.former : [])])];
  }
}
