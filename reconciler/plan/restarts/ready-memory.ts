/**
 * Since when each pod is Ready, as this leader has seen it. The pod says that too, but by the clock of its kubelet, which
 * may be minutes off: here that time only tells one turn to Ready from the next. Kept for one term, and only ever delays:
 * what was not seen counts as Ready since now.
 */
import type { Key, PodFacts } from '../../../peers/world.ts';

interface Sight {
  readonly uid: string;
  readonly changedAtMs: number | undefined;
  /** When it was first seen, monotonic ms. */
  readonly sinceMs: number;
}

export class ReadyMemory {
  #sights: ReadonlyMap<Key, Sight> = new Map();

  /** Takes in the pods that are there at `nowMs`, which is monotonic. */
  observe(pods: Iterable<PodFacts>, nowMs: number): void {
    const sights = new Map<Key, Sight>();
    for (const pod of pods) {
      if (!pod.ready) continue;
      const { key, uid, readyChangedAtMs: changedAtMs } = pod;
      sights.set(key, this.#sightOf(pod) ?? { uid, changedAtMs, sinceMs: nowMs });
    }
    this.#sights = sights;
  }

  /** For how long a pod has been seen Ready without a break at `nowMs`, in ms; 0 for one that was not. */
  at(nowMs: number): (pod: PodFacts) => number {
    return (pod) => nowMs - (this.#sightOf(pod)?.sinceMs ?? nowMs);
  }

  #sightOf({ key, uid, readyChangedAtMs }: PodFacts): Sight | undefined {
    const sight = this.#sights.get(key);
    return sight?.uid === uid && sight.changedAtMs === readyChangedAtMs ? sight : undefined;
  }
}
