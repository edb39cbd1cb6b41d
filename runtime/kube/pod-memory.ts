/**
 * Remembers which pods ran within the last ten minutes, so that a pod which is being replaced stays in the lists of
 * others. The memory can only delay a restart. A new replica remembers only the pods that it has seen.
 */
import type { RanLately } from '../../peers/discovery/discover.ts';
import type { Key, World } from '../../peers/world.ts';
import type { Clock } from '../clock.ts';

/** How long a pod stays in the lists after it has stopped running. */
const REMEMBERED_MS = 10 * 60_000;

interface Gone {
  readonly ownerUid: string;
  readonly atMs: number;
}

interface Seen {
  readonly ownerUid: string;
  readonly running: boolean;
}

export class PodMemory {
  readonly #clock: Clock;
  readonly #world: World;
  readonly #seen = new Map<Key, Seen>();
  readonly #gone = new Map<Key, Gone>();

  constructor(clock: Clock, world: World) {
    this.#clock = clock;
    this.#world = world;
  }

  /** Notes the present state of a pod. False if its owner and whether it runs have not changed. */
  note(key: Key): boolean {
    const before = this.#seen.get(key);
    const { ownerUid, running = false } = this.#world.pods.get(key) ?? {};
    if (before?.ownerUid === ownerUid && (before?.running ?? false) === running) return false;
    if (ownerUid === undefined) this.#seen.delete(key);
    else this.#seen.set(key, { ownerUid, running });
    if (running) this.#gone.delete(key);
    else if (before?.running)
      this.#gone.set(key, { ownerUid: before.ownerUid, atMs: this.#clock.monotonicMs() });
    return true;
  }

  ranLately(): RanLately {
    const nowMs = this.#clock.monotonicMs();
    for (const [key, { atMs }] of this.#gone) if (nowMs - atMs > REMEMBERED_MS) this.#gone.delete(key);
    return new Map([...this.#gone].map(([key, { ownerUid }]) => [key, ownerUid]));
  }
}
