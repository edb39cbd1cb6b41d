/**
 * Remembers pods that got the sidecar although a policy may refuse them because of it. If a review for the same pod comes
 * again soon, the pod was probably refused, and its StatefulSet created it again. Then the pod gets no sidecar.
 *
 * A controller waits longer after each refusal, and the first refusals may have another cause, such as a full quota. So a
 * pod that is tried a second time is remembered for longer than any controller waits.
 */
import type { Clock } from '../../runtime/clock.ts';

/** Much longer than a StatefulSet controller waits after its first refusals. */
const AGAIN_MS = 60_000;
/** Longer than the 1000 s that a controller waits at most. */
const REMEMBERED_MS = 20 * 60_000;
/** The most pods to remember of one namespace; no namespace has so many validators. More pods there make us forget none elsewhere. */
const PODS_MAX = 1_000;
/** Kubernetes' own limit: a pod with a longer name never starts. */
const NAME_LENGTH_MAX = 253;

interface Tried {
  /** When the pod was last tried, or last asked about again. */
  readonly atMs: number;
  readonly times: number;
}

export class TriedPods {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Pods by namespace, the oldest first. */
  readonly #tried = new Map<string, Map<string, Tried>>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** True if the pod was tried within the last minute, or twice and the last time within 20 minutes. */
  has(namespace: string, pod: string): boolean {
    const tried = this.#tried.get(namespace)?.get(pod);
    if (!tried) return false;
    return this.#clock.monotonicMs() - tried.atMs < (tried.times > 1 ? REMEMBERED_MS : AGAIN_MS);
  }

  /** Notes that the pod is tried now, or asked about again. If there are too many, the oldest one is forgotten. */
  add(namespace: string, pod: string): void {
    this.#forget();
    if (pod.length > NAME_LENGTH_MAX) return;
    const pods = this.#tried.get(namespace) ?? new Map<string, Tried>();
    const times = (pods.get(pod)?.times ?? 0) + (this.has(namespace, pod) ? 0 : 1);
    this.#tried.set(namespace, pods);
    pods.delete(pod);
    pods.set(pod, { atMs: this.#clock.monotonicMs(), times });
    const [oldest] = pods.keys();
    if (pods.size > PODS_MAX && oldest !== undefined) pods.delete(oldest);
  }

  #forget(): void {
    const sinceMs = this.#clock.monotonicMs() - REMEMBERED_MS;
    for (const [namespace, pods] of this.#tried) {
      for (const [pod, { atMs }] of pods) {
        if (atMs > sinceMs) break;
        pods.delete(pod);
      }
      if (pods.size === 0) this.#tried.delete(namespace);
    }
  }
}
