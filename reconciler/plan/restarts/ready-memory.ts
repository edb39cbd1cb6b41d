/**
 * Remembers since when this leader has seen each pod Ready. The pod has a time too, but the clock of its kubelet may be
 * minutes off, so that time only shows whether a pod has become Ready anew. The memory can only delay a restart: a pod
 * that was not seen before counts as Ready since now.
 */
import type { PodFacts } from '../../../peers/world.ts';
import { Ages } from './ages.ts';

/** A pod that was replaced, or has become Ready anew, is another one. */
const idOf = ({ key, uid, readyChangedAtMs }: PodFacts): string => `${key} ${uid} ${readyChangedAtMs}`;

export class ReadyMemory {
  readonly #ages = new Ages();

  /** Remembers the pods that are Ready at `nowMs` (monotonic), and forgets all others. */
  observe(pods: Iterable<PodFacts>, nowMs: number): void {
    const ready = [...pods].filter((pod) => pod.ready);
    this.#ages.observe(
      ready.map((pod) => [idOf(pod), 'ready']),
      nowMs,
    );
  }

  /** For how long, in ms at `nowMs`, a pod has been seen Ready without a break; 0 if it was not seen Ready. */
  readyForMsAt(nowMs: number): (pod: PodFacts) => number {
    return (pod) => nowMs - (this.#ages.sinceMs(idOf(pod)) ?? nowMs);
  }
}
