/**
 * How much is kept of each namespace, and of all together: what tenants write must not fill the memory of all.
 */
import { getHeapStatistics } from 'node:v8';
import { weightOf } from '../../peers/read/weight.ts';
import { Notifier } from '../notifier.ts';
import type { KubeObject } from './port.ts';
import type { WatchedKind } from './sources.ts';

/** Seven hundred validators with quorum sets of 10 KiB take less, and the ConfigMap of a namespace holds no more. */
export const NAMESPACE_BYTES_MAX = 16 * 1024 * 1024;
/** Less than this is left to no namespace: a dozen validators. */
const NAMESPACE_BYTES_MIN = 128 * 1024;
/** Beside what is kept, a part of the heap is needed for live reads, and for what is made of both. */
const HEAP_SHARE = 4;

interface Taken {
  readonly namespace: string;
  readonly bytes: number;
}

/** By kind, how an object is read, and its key among those of its kind. */
type Kept<T> = Pick<WatchedKind<T>, 'resource' | 'keyOf' | 'project' | 'light'>;

const idOf = ({ resource }: Pick<WatchedKind<unknown>, 'resource'>, key: string): string =>
  `${resource.kind} ${key}`;

/** One for all kinds, since together they have one memory. */
export class Room {
  readonly #taken = new Map<string, Taken>();
  readonly #bytesIn = new Map<string, number>();
  readonly #bytesMax: number;
  #bytes = 0;
  #namespaceMax = NAMESPACE_BYTES_MAX;
  readonly #lowered = new Notifier();
  /** Calls the listener when a namespace may keep less than before, so that what is kept has to be read anew. */
  readonly onLowered = this.#lowered.onChange;

  constructor(bytesMax = getHeapStatistics().heap_size_limit / HEAP_SHARE) {
    this.#bytesMax = bytesMax;
  }

  /** An empty one in which each namespace may keep as much as it may here. */
  another(): Room {
    const room = new Room(this.#bytesMax);
    room.#namespaceMax = this.#namespaceMax;
    return room;
  }

  /** What is kept of an object: all that is read of it, or little where its namespace has no more room. */
  keep<T>(kind: Kept<T>, object: KubeObject): T {
    const facts = kind.project(object);
    const { light } = kind;
    const { namespace, name } = object.metadata;
    if (!light || this.#take(idOf(kind, kind.keyOf(object)), namespace ?? name, facts)) return facts;
    return light(object, `more than ${this.#namespaceMax / 1024 / 1024} MiB in its namespace`);
  }

  /** Takes room for an object, in place of what it took before. False, and none is taken, where its namespace has no more. */
  #take(id: string, namespace: string, facts: unknown): boolean {
    this.#give(id);
    const bytes = weightOf(facts);
    const used = this.#bytesIn.get(namespace) ?? 0;
    if (used + bytes > this.#namespaceMax) return false;
    this.#taken.set(id, { namespace, bytes });
    this.#bytesIn.set(namespace, used + bytes);
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax) this.#lower();
    return true;
  }

  /** The namespaces that keep most keep less, until there is room for all: how many there are is not ours to decide. */
  #lower(): void {
    const before = this.#namespaceMax;
    const keptAt = (most: number) =>
      [...this.#bytesIn.values()].reduce((sum, bytes) => sum + Math.min(bytes, most), 0);
    while (this.#namespaceMax > NAMESPACE_BYTES_MIN && keptAt(this.#namespaceMax) > this.#bytesMax)
      this.#namespaceMax /= 2;
    if (this.#namespaceMax < before) this.#lowered.notify();
  }

  /** Gives back what an object took. */
  free(kind: Pick<WatchedKind<unknown>, 'resource'>, key: string): void {
    this.#give(idOf(kind, key));
  }

  #give(id: string): void {
    const taken = this.#taken.get(id);
    if (!taken) return;
    this.#taken.delete(id);
    this.#bytes -= taken.bytes;
    const left = (this.#bytesIn.get(taken.namespace) ?? 0) - taken.bytes;
    if (left > 0) this.#bytesIn.set(taken.namespace, left);
    else this.#bytesIn.delete(taken.namespace);
  }
}
