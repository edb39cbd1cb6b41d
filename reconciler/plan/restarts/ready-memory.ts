/**
 * Remembers since when this leader has seen each pod Ready, or not Ready. The pod has a time too, but the clock of its
 * kubelet may be minutes off, so that time only shows whether the condition has changed anew. The memory can only delay
 * a restart: a pod that was not seen before counts as Ready, or not Ready, since now.
 */
import type { PodFacts } from '../../../peers/world.ts';
import { Ages } from './ages.ts';

/** A pod that was replaced, or whose condition has changed anew, is another one. */
const idOf = ({ key, uid, readyChangedAtMs }: PodFacts): string => `${key} ${uid} ${readyChangedAtMs}`;
const stateOf = ({ ready }: PodFacts): string => (ready ? 'ready' : 'down');

export class ReadyMemory {
  readonly #ages = new Ages();

  /** Remembers the pods as they are at `nowMs` (monotonic), and forgets all others. */
  observe(pods: Iterable<PodFacts>, nowMs: number): void {
    this.#ages.observe(
      [...pods].map((pod) => [`${stateOf(pod)} ${idOf(pod)}`, '']),
      nowMs,
    );
  }

  /** For how long, in ms at `nowMs`, a pod has been seen Ready without a break; 0 if it was not seen Ready. */
  readyForMsAt(nowMs: number): (pod: PodFacts) => number {
    return (pod) => nowMs - (this.#ages.sinceMs(`ready ${idOf(pod)}`) ?? nowMs);
  }

  /** For how long, in ms at `nowMs`, a pod has been seen not Ready without a break. */
  downForMsAt(nowMs: number): (pod: PodFacts) => number {
    return (pod) => nowMs - (this.#ages.sinceMs(`down ${idOf(pod)}`) ?? nowMs);
  }
}
