/**
 * Remembers since when this leader has seen each pod Ready. The pod has a time too, but the clock of its kubelet may be
 * minutes off, so that time only shows whether a pod has become Ready anew. The memory can only delay a restart: a pod
 * that was not seen before counts as Ready since now.
 */
import type { Key, PodFacts } from '../../../peers/world.ts';

/** One pod that was seen Ready. */
interface Sight {
  readonly uid: string;
  readonly changedAtMs: number | undefined;
  /** When the pod was first seen Ready, monotonic ms. */
  readonly sinceMs: number;
}

export class ReadyMemory {
  #sights: ReadonlyMap<Key, Sight> = new Map();

  /** Remembers the pods that are Ready at `nowMs` (monotonic), and forgets all others. */
  observe(pods: Iterable<PodFacts>, nowMs: number): void {
    const sights = new Map<Key, Sight>();
    for (const pod of pods) {
      if (!pod.ready) continue;
      const { key, uid, readyChangedAtMs: changedAtMs } = pod;
      sights.set(key, this.#sightOf(pod) ?? { uid, changedAtMs, sinceMs: nowMs });
    }
    this.#sights = sights;
  }

  /** For how long, in ms at `nowMs`, a pod has been seen Ready without a break; 0 if it was not seen Ready. */
  readyForMsAt(nowMs: number): (pod: PodFacts) => number {
    return (pod) => nowMs - (this.#sightOf(pod)?.sinceMs ?? nowMs);
  }

  #sightOf({ key, uid, readyChangedAtMs }: PodFacts): Sight | undefined {
    const sight = this.#sights.get(key);
    return sight?.uid === uid && sight.changedAtMs === readyChangedAtMs ? sight : undefined;
  }
}
