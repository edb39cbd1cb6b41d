/** Which members run, and which ran in the last ten minutes. The memory can only delay a restart. */
import type { Discovery } from '../../../peers/discovery/discover.ts';
import { podOf } from '../../../peers/discovery/pods.ts';
import type { World } from '../../../peers/world.ts';

export interface Liveness {
  isLive(digest: string): boolean;
  /** True if its pod ran in the last 10 minutes, or if the leader has not watched for that long. */
  wasLive(digest: string): boolean;
}

/** For how long a peer that is gone still counts. */
const REMEMBERED_MS = 10 * 60_000;

export class LivenessMemory {
  readonly #startedAtMs: number;
  /** When the members that run no more were found gone. */
  readonly #goneAtMs = new Map<string, number>();
  #live: ReadonlySet<string> = new Set();

  /** `nowMs` is monotonic, like all times here. */
  constructor(nowMs: number) {
    this.#startedAtMs = nowMs;
  }

  /** Remembers the pods that run now, and forgets those that have been gone for long. */
  observe(world: World, discovery: Discovery, nowMs: number): void {
    const live = liveDigests(world, discovery);
    // A pod that ran at the last look ran until now: in a quiet network there may be minutes between two looks.
    for (const digest of this.#live) if (!live.has(digest)) this.#goneAtMs.set(digest, nowMs);
    this.#live = live;
    for (const [digest, atMs] of this.#goneAtMs) {
      if (nowMs - atMs > REMEMBERED_MS || live.has(digest)) this.#goneAtMs.delete(digest);
    }
  }

  /** The liveness at `nowMs`. `live` is that of the World decided on: the caches may be behind live reads. */
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
