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
/** All is kept again when all together would take this share of the room: much less, so that the limit does not swing. */
const RAISE_SHARE = 0.5;

/** An object that is known, whether it is kept whole or not. */
interface Known {
  readonly namespace: string;
  /** Of its facts, if they are kept whole. */
  readonly bytes: number;
  isKept: boolean;
}

/** The parts of a kind that the room uses. */
type Kept<T> = Pick<WatchedKind<T>, 'resource' | 'keyOf' | 'project' | 'light'>;

const idOf = ({ resource }: Pick<WatchedKind<unknown>, 'resource'>, key: string): string =>
  `${resource.kind} ${key}`;

const mibOf = (bytes: number): string => `${Number((bytes / 1024 / 1024).toPrecision(2))} MiB`;

/** The room of one replica, for all kinds. */
export class Room {
  readonly #known = new Map<string, Known>();
  /** What is kept of each namespace, and what would be without a limit. */
  readonly #bytesIn = new Map<string, number>();
  readonly #wantedIn = new Map<string, number>();
  readonly #bytesMax: number;
  #bytes = 0;
  #namespaceMax = NAMESPACE_BYTES_MAX;
  /** False for a room whose objects are listed once: a lower limit would not affect objects that are kept already. */
  #mayLower = true;
  readonly #limitChanged = new Notifier();
  /** Calls the listener when namespaces may keep less than before, or more: all objects must be listed again. */
  readonly onLimitChange = this.#limitChanged.onChange;

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
    this.#forget(id);
    const bytes = weightOf(facts);
    const why = this.#whyNot(namespace, bytes);
    this.#known.set(id, { namespace, bytes, isKept: why === undefined });
    add(this.#wantedIn, namespace, bytes);
    if (why === undefined) {
      add(this.#bytesIn, namespace, bytes);
      this.#bytes += bytes;
      if (this.#mayLower && this.#bytes > this.#bytesMax) this.#lower();
    }
    this.#raise();
    return why;
  }

  #whyNot(namespace: string, bytes: number): string | undefined {
    const fullBytes = FULL * this.#bytesMax;
    if ((this.#bytesIn.get(namespace) ?? 0) + bytes > this.#namespaceMax)
      return `more than ${mibOf(this.#namespaceMax)} in its namespace`;
    if (this.#bytes + bytes > fullBytes) return `more than ${mibOf(fullBytes)} in all namespaces together`;
    return undefined;
  }

  /** Lowers the limit of each namespace until there is room for all. The namespaces that use most lose most. */
  #lower(): void {
    const before = this.#namespaceMax;
    while (
      this.#namespaceMax > NAMESPACE_BYTES_MIN &&
      bytesAt(this.#namespaceMax, this.#bytesIn) > this.#bytesMax
    )
      this.#namespaceMax = Math.max(NAMESPACE_BYTES_MIN, this.#namespaceMax * STEP);
    if (this.#namespaceMax === before) return;
    // All kinds are listed again, and each takes its room anew.
    for (const known of this.#known.values()) known.isKept = false;
    this.#bytesIn.clear();
    this.#bytes = 0;
    this.#limitChanged.notify();
  }

  /** Lifts a lowered limit if all objects, also those that are not kept, would leave much of the room free. */
  #raise(): void {
    if (this.#namespaceMax === NAMESPACE_BYTES_MAX || !this.#mayLower) return;
    if (bytesAt(NAMESPACE_BYTES_MAX, this.#wantedIn) > RAISE_SHARE * this.#bytesMax) return;
    this.#namespaceMax = NAMESPACE_BYTES_MAX;
    this.#limitChanged.notify();
  }

  /** Frees the room of an object that is gone. */
  free(kind: Pick<WatchedKind<unknown>, 'resource'>, key: string): void {
    this.#forget(idOf(kind, key));
    this.#raise();
  }

  #forget(id: string): void {
    const known = this.#known.get(id);
    if (!known) return;
    const { namespace, bytes, isKept } = known;
    this.#known.delete(id);
    add(this.#wantedIn, namespace, -bytes);
    if (!isKept) return;
    add(this.#bytesIn, namespace, -bytes);
    this.#bytes -= bytes;
  }
}

/** Adds to the bytes of a namespace, which is forgotten when it has none. */
function add(bytesIn: Map<string, number>, namespace: string, bytes: number): void {
  const sum = (bytesIn.get(namespace) ?? 0) + bytes;
  if (sum > 0) bytesIn.set(namespace, sum);
  else bytesIn.delete(namespace);
}

/** The bytes of all namespaces, if each may have that many at most. */
const bytesAt = (most: number, bytesIn: ReadonlyMap<string, number>): number =>
  [...bytesIn.values()].reduce((sum, bytes) => sum + Math.min(bytes, most), 0);
