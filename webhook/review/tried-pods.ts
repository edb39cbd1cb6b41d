/**
 * Which pods got the sidecar a moment ago though a policy may refuse them with it. A pod that is asked about again so soon
 * was refused: its StatefulSet makes it again at once, and it is left as it is then.
 */
import type { Clock } from '../../runtime/clock.ts';

/** Much longer than a StatefulSet controller waits after its first refusals. */
const AGAIN_MS = 60_000;
/** More pods than are created in that time. */
const PODS_MAX = 1_000;

export class TriedPods {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** The oldest first. */
  readonly #triedAtMs = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** True if the pod, as `namespace/name`, was tried within the last minute. */
  has(pod: string): boolean {
    const atMs = this.#triedAtMs.get(pod);
    return atMs !== undefined && this.#clock.monotonicMs() - atMs < AGAIN_MS;
  }

  /** Notes that the pod is tried now. Of too many, the oldest is forgotten. */
  add(pod: string): void {
    this.#triedAtMs.delete(pod);
    this.#triedAtMs.set(pod, this.#clock.monotonicMs());
    const [oldest] = this.#triedAtMs.keys();
    if (this.#triedAtMs.size > PODS_MAX && oldest !== undefined) this.#triedAtMs.delete(oldest);
  }
}
