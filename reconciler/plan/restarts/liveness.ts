/**
 * Which members run, and which did within the last ten minutes. Kept in memory, where it may only delay:
 * what was not watched for long enough counts as having been live.
 */
import type { Discovery } from '../../../peers/discovery/discover.ts';
import { podOf } from '../../../peers/discovery/pods.ts';
import type { World } from '../../../peers/world.ts';
import type { Liveness } from './drift.ts';

/** How long a peer that is gone still counts. */
const REMEMBERED_MS = 10 * 60_000;

export class LivenessMemory {
  readonly #startedAtMs: number;
  /** When those that ran and do not any more were found gone. */
  readonly #goneAtMs = new Map<string, number>();
  #live: ReadonlySet<string> = new Set();

  /** `nowMs` is monotonic, like all times here. */
  constructor(nowMs: number) {
    this.#startedAtMs = nowMs;
  }

  /** Takes in the pods that run now, and forgets who has been gone for long. */
  observe(world: World, discovery: Discovery, nowMs: number): void {
    const live = liveDigests(world, discovery);
    // What ran at the last look ran until now: in a network at rest there is no look for minutes.
    for (const digest of this.#live) if (!live.has(digest)) this.#goneAtMs.set(digest, nowMs);
    this.#live = live;
    for (const [digest, atMs] of this.#goneAtMs) {
      if (nowMs - atMs > REMEMBERED_MS || live.has(digest)) this.#goneAtMs.delete(digest);
    }
  }

  /**
   * The view of it at `nowMs` that decisions take, with `live` as the World shows it that is decided on: the caches that
   * were looked at may be behind live reads.
   */
  at(nowMs: number, live: ReadonlySet<string> = this.#live): Liveness {
    const watchedLongEnough = nowMs - this.#startedAtMs > REMEMBERED_MS;
    const ran = (digest: string) => live.has(digest) || this.#live.has(digest) || this.#goneAtMs.has(digest);
    return {
      isLive: (digest) => live.has(digest),
      wasLive: (digest) => !watchedLongEnough || ran(digest),
    };
  }
}

/** Digests of all members whose owner-checked pod is running. */
export function liveDigests(world: World, discovery: Discovery): Set<string> {
  const live = new Set<string>();
  for (const group of discovery.groups.values()) {
    for (const member of group.members) {
      const pod = podOf(member, world, discovery);
      if (pod?.running && !pod.deleting) live.add(member.digest);
    }
  }
  return live;
}
