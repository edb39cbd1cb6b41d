/**
 * An independent witness of pods. It watches them itself, and records when each was created, became Ready or not Ready,
 * and was removed. It shares no code with the product.
 */
import { EventEmitter, once } from 'node:events';
import type { Kube, KubeObject } from '../../runtime/kube/port.ts';
import { Pods } from '../../runtime/kube/resources.ts';
import { follow } from './follow.ts';
import { isSlip, type Life } from './slips.ts';

/** A label that the StatefulSet controller puts on each pod. */
const REVISION = 'controller-revision-hash';

type PodChange = 'created' | 'ready' | 'unready' | 'terminating' | 'deleted';

export interface PodEvent {
  readonly atMs: number;
  /** `namespace/name` */
  readonly pod: string;
  readonly uid: string;
  readonly change: PodChange;
}

interface DownQuery {
  /** Ignores events before this time. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

export class PodWatcher {
  readonly #stopping = new AbortController();
  readonly #changed = new EventEmitter();
  readonly #running: Promise<void>;
  readonly #objects = new Map<string, KubeObject>();
  readonly #lives = new Map<string, Life[]>();
  readonly #events: PodEvent[] = [];

  /** Watches the pods that `labelSelector` selects (default: all), in all namespaces. */
  constructor(kube: Kube, labelSelector?: string) {
    const follower = {
      put: (object: KubeObject) => this.#put(object),
      remove: (object: KubeObject) => this.#remove(object),
    };
    const source = { kube, resource: Pods, query: { labelSelector } };
    this.#running = follow(source, follower, this.#stopping.signal);
  }

  /** The pods that exist, as last seen, by `namespace/name`. */
  get pods(): ReadonlyMap<string, KubeObject> {
    return this.#objects;
  }

  /** All events, the oldest first. */
  get timeline(): readonly PodEvent[] {
    return this.#events;
  }

  /** All pods that ever had that name, oldest first. */
  lives(pod: string): readonly Life[] {
    return this.#lives.get(pod) ?? [];
  }

  /** How often each pod name came back with another UID. Leaves out pods that did not, and slips of the controller. */
  restarts(): Record<string, number> {
    const counts = [...this.#lives].map(([pod, lives]) => {
      const slips = lives.filter((_, index) => isSlip(lives, index));
      return [pod, lives.length - slips.length - 1] as const;
    });
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  /** True while the pod of that name is Ready and not terminating. */
  isReady(pod: string): boolean {
    const object = this.#objects.get(pod);
    return object !== undefined && object.metadata.deletionTimestamp === undefined && readyCondition(object);
  }

  /**
   * The most pods of each group that were down at one moment. A pod is down if it was Ready before and is not Ready or gone.
   * A pod for which `groupOf` returns undefined does not count.
   */
  maxDown(groupOf: (pod: string) => string | undefined, query: DownQuery = {}): Record<string, number> {
    const { sinceMs = 0, untilMs = Number.POSITIVE_INFINITY } = query;
    const wasReady = new Set<string>();
    const down = new Set<string>();
    const most: Record<string, number> = {};
    for (const { atMs, pod, change } of this.#events) {
      if (change === 'ready') wasReady.add(pod);
      if (change === 'ready') down.delete(pod);
      else if (wasReady.has(pod)) down.add(pod);
      const group = groupOf(pod);
      if (group === undefined || atMs < sinceMs || atMs > untilMs) continue;
      const count = [...down].filter((other) => groupOf(other) === group).length;
      most[group] = Math.max(most[group] ?? 0, count);
    }
    return most;
  }

  /** Evaluates `predicate` at every change, and resolves as soon as it holds. Rejects after the deadline. */
  async until(
    describe: string,
    predicate: (watcher: PodWatcher) => boolean,
    deadlineMs = 60_000,
  ): Promise<void> {
    const signal = AbortSignal.timeout(deadlineMs);
    while (!predicate(this)) {
      await once(this.#changed, 'change', { signal }).catch((cause: unknown) => {
        throw new Error(`not within ${deadlineMs / 1000} s: ${describe}\n${this.print()}`, { cause });
      });
    }
  }

  /** The timeline as text, in seconds since `sinceMs` (default: the first event). */
  print(sinceMs = this.#events[0]?.atMs ?? 0): string {
    return this.#events
      .filter((event) => event.atMs >= sinceMs)
      .map(({ atMs, pod, uid, change }) => {
        const seconds = ((atMs - sinceMs) / 1000).toFixed(1);
        return `+${seconds.padStart(5)} s  ${pod}  ${change}  (uid ${uid.slice(0, 8)})`;
      })
      .join('\n');
  }

  /** Ends the watch. The recorded events stay. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  #put(object: KubeObject): void {
    const pod = keyOf(object);
    const { uid = '', deletionTimestamp } = object.metadata;
    const lives = this.#lives.get(pod) ?? [];
    this.#lives.set(pod, lives);
    let life = lives.find((known) => known.uid === uid);
    const before = this.#objects.get(pod);
    const wasReady = before?.metadata.uid === uid && readyCondition(before);
    this.#objects.set(pod, object);
    const atMs = Date.now();
    if (life === undefined) {
      const revision = object.metadata.labels?.[REVISION] ?? '';
      life = { uid, revision, createdAtMs: atMs };
      lives.push(life);
      this.#record({ atMs, pod, uid, change: 'created' });
    }
    if (isRunning(object)) life.ranAtMs ??= atMs;
    if (readyCondition(object) && !wasReady) {
      life.readyAtMs ??= atMs;
      this.#record({ atMs, pod, uid, change: 'ready' });
    }
    if (!readyCondition(object) && wasReady) this.#record({ atMs, pod, uid, change: 'unready' });
    if (deletionTimestamp && life.terminatingAtMs === undefined) {
      life.terminatingAtMs = atMs;
      this.#record({ atMs, pod, uid, change: 'terminating' });
    }
    this.#changed.emit('change');
  }

  #remove(object: KubeObject): void {
    const pod = keyOf(object);
    const { uid = '' } = object.metadata;
    const life = this.#lives.get(pod)?.find((known) => known.uid === uid);
    if (this.#objects.get(pod)?.metadata.uid === uid) this.#objects.delete(pod);
    const atMs = Date.now();
    if (life) life.deletedAtMs = atMs;
    this.#record({ atMs, pod, uid, change: 'deleted' });
    this.#changed.emit('change');
  }

  #record(event: PodEvent): void {
    this.#events.push(event);
  }
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`;

const isRunning = ({ status }: KubeObject): boolean =>
  (status as { phase?: string } | undefined)?.phase === 'Running';

function readyCondition(object: KubeObject): boolean {
  const { conditions = [] } = (object.status ?? {}) as {
    conditions?: Array<{ type: string; status: string }>;
  };
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
