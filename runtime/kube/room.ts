/**
 * Limits the memory for the objects of each namespace, and of all namespaces together, so that tenants cannot fill it.
 */
import { getHeapStatistics } from 'node:v8';
import { weightOf } from '../../peers/read/weight.ts';
import { Notifier } from '../notifier.ts';
import type { KubeObject } from './port.ts';
import type { WatchedKind } from './sources.ts';

/** 700 validators with quorum sets of 10 KiB need less, and the ConfigMap of a namespace has no room for more. */
export const NAMESPACE_BYTES_MAX = 16 * 1024 * 1024;
/** A namespace may always use this much, as long as there is any room: a dozen validators. */
const NAMESPACE_BYTES_MIN = 128 * 1024;
/** The other parts of the heap are for live reads, and for the results of both. */
const HEAP_SHARE = 4;
/** Many namespaces that each use the least may exceed the room by this factor. Then nothing more is kept whole. */
const FULL = 1.5;
/** A Namespace up to this size is always kept. */
const NAMESPACE_OBJECT_BYTES = 4 * 1024;
/** Small steps, so that little more than necessary is given up. */
const STEP = 0.9;

interface Taken {
  readonly namespace: string;
  readonly bytes: number;
}

/** The parts of a kind that the room uses. */
type Kept<T> = Pick<WatchedKind<T>, 'resource' | 'keyOf' | 'project' | 'light'>;

const idOf = ({ resource }: Pick<WatchedKind<unknown>, 'resource'>, key: string): string =>
  `${resource.kind} ${key}`;

const mibOf = (bytes: number): string => `${Number((bytes / 1024 / 1024).toPrecision(2))} MiB`;

/** The room of one replica, for all kinds. */
export class Room {
  readonly #taken = new Map<string, Taken>();
  readonly #bytesIn = new Map<string, number>();
  readonly #bytesMax: number;
  #bytes = 0;
  #namespaceMax = NAMESPACE_BYTES_MAX;
  /** False for a room whose objects are listed once: a lower limit would not affect objects that are kept already. */
  #mayLower = true;
  readonly #lowered = new Notifier();
  /** Calls the listener when namespaces may keep less than before: all objects must be listed again. */
  readonly onLowered = this.#lowered.onChange;

  constructor(bytesMax = getHeapStatistics().heap_size_limit / HEAP_SHARE) {
    this.#bytesMax = bytesMax;
  }

  /** An empty room with the present limits, for objects that are listed once. */
  emptyCopy(): Room {
    const room = new Room(this.#bytesMax);
    room.#namespaceMax = this.#namespaceMax;
    room.#mayLower = false;
    return room;
  }

  /** The facts to keep of an object: all that we read, or a short form if there is no room. */
  keep<T>(kind: Kept<T>, object: KubeObject): T {
    const facts = kind.project(object);
    const { light } = kind;
    const { namespace, name } = object.metadata;
    // A Namespace that is not read holds all restarts in it, also if other tenants have used up the room.
    if (!light || (namespace === undefined && weightOf(facts) <= NAMESPACE_OBJECT_BYTES)) return facts;
    const why = this.#take(idOf(kind, kind.keyOf(object)), namespace ?? name, facts);
    return why === undefined ? facts : light(object, why);
  }

  /** Reserves room for an object, in place of its former room. Returns why there is none; then nothing is reserved. */
  #take(id: string, namespace: string, facts: unknown): string | undefined {
    this.#give(id);
    const bytes = weightOf(facts);
    const used = this.#bytesIn.get(namespace) ?? 0;
    const fullBytes = FULL * this.#bytesMax;
    if (used + bytes > this.#namespaceMax) return `more than ${mibOf(this.#namespaceMax)} in its namespace`;
    if (this.#bytes + bytes > fullBytes) return `more than ${mibOf(fullBytes)} in all namespaces together`;
    this.#taken.set(id, { namespace, bytes });
    this.#bytesIn.set(namespace, used + bytes);
    this.#bytes += bytes;
    if (this.#mayLower && this.#bytes > this.#bytesMax) this.#lower();
    return undefined;
  }

  /** Lowers the limit of each namespace until there is room for all. The namespaces that use most lose most. */
  #lower(): void {
    const before = this.#namespaceMax;
    const keptAt = (most: number) =>
      [...this.#bytesIn.values()].reduce((sum, bytes) => sum + Math.min(bytes, most), 0);
    while (this.#namespaceMax > NAMESPACE_BYTES_MIN && keptAt(this.#namespaceMax) > this.#bytesMax)
      this.#namespaceMax = Math.max(NAMESPACE_BYTES_MIN, this.#namespaceMax * STEP);
    if (this.#namespaceMax === before) return;
    // All kinds are listed again, and each takes its room anew.
    this.#taken.clear();
    this.#bytesIn.clear();
    this.#bytes = 0;
    this.#lowered.notify();
  }

  /** Frees the room of an object. */
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
