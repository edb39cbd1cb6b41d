/**
 * Keeps one local store equal to the objects of the API server: lists, then watches, for ever, with backoff. It stores
 * projections, so an event that changes no field which we read causes no work. docs/decisions/0002 says why the client
 * library's own informer is not used.
 */
import { isSameJson } from '../../peers/field.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Notifier } from '../notifier.ts';
import { hasStatus, type Kube, KubeError, type ListQuery, type ObjectList, type WatchEvent } from './port.ts';
import { Retry } from './retry.ts';
import { Room } from './room.ts';
import type { WatchedKind } from './sources.ts';

/** A watch counts only after it has lasted this long: a proxy may end each watch as soon as it begins. */
const WATCH_PROVEN_MS = 1_000;
/** A proxy may hold back the headers of a watch until the first event, at the latest until the next bookmark. */
const PATIENCE_MS_MIN = 10_000;
const PATIENCE_MS_MAX = 90_000;

/** The connections of a watch to the outside. */
export interface WatchEdges {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  /** Shared by all callers of the same API server. Notified when a request has succeeded. */
  readonly outage: Notifier;
}

export interface ReflectorOptions<T> extends WatchEdges, Omit<WatchedKind<T>, 'queries'> {
  readonly query: ListQuery;
  /** Called after each change of the store; `key` names what changed. */
  readonly onChange: (key: string) => void;
  /** Called once, when the first list is in the store. */
  readonly onSynced?: () => void;
  /** Shared by all kinds of one replica. */
  readonly room?: Room;
}

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  #version = '';
  /** This reflector's keys in the store. Several reflectors, one for each namespace, may share one store. */
  #keys = new Set<string>();
  /** The keys of lists that did not come to their end. */
  readonly #read = new Set<string>();
  #synced = false;
  readonly #room: Room;
  /** Aborts the watch when less may be kept than was listed. */
  #crowded = new AbortController();
  /** When the store was last known to be current, and since when a watch keeps it current. */
  #freshAtMs: number;
  #watchingSinceMs: number | undefined;
  readonly #retry: Retry;
  /** How long the API server may take to grant the next watch; 0 for the usual request timeout. */
  #patienceMs = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    const { clock, log, outage, resource, room = new Room() } = options;
    this.#room = room;
    if (options.light) room.onLowered(() => this.#crowded.abort());
    this.#retry = new Retry({ clock, log, outage, fields: { kind: resource.kind } });
    this.#freshAtMs = options.clock.monotonicMs();
  }

  /** True once the first list is in the store. */
  get synced(): boolean {
    return this.#synced;
  }

  /** How long the store has been without a watch that keeps it current, in ms; 0 while it has one. */
  staleMs(): number {
    const nowMs = this.#options.clock.monotonicMs();
    const watching = this.#watchingSinceMs !== undefined && nowMs - this.#watchingSinceMs >= WATCH_PROVEN_MS;
    return watching ? 0 : nowMs - this.#freshAtMs;
  }

  /** Lists and watches until `signal` aborts. Never rejects: failures are logged, and the request is tried again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#listAndWatch(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (hasStatus(error, 410)) this.#version = '';
        await this.#retry.afterFailure(error, signal);
      }
    }
  }

  async #listAndWatch(signal: AbortSignal): Promise<void> {
    const { kube, clock, resource, query } = this.#options;
    if (this.#version === '' || this.#crowded.signal.aborted) {
      // If the list fails, the next try must be a list too.
      this.#version = '';
      this.#crowded = new AbortController();
      const list = await this.#list();
      if (!list) return;
      this.#replaceAll(list.items);
      this.#version = list.resourceVersion;
      this.#noteSynced();
      this.#freshAtMs = clock.monotonicMs();
    }
    const crowded = this.#crowded.signal;
    if (crowded.aborted) return;
    const startedAtMs = clock.monotonicMs();
    let forget = () => {};
    const patienceMs = this.#patienceMs;
    this.#patienceMs = Math.min(Math.max(2 * patienceMs, PATIENCE_MS_MIN), PATIENCE_MS_MAX);
    const onOpened = () => {
      this.#patienceMs = 0;
      this.#watchingSinceMs = clock.monotonicMs();
      forget = clock.after(WATCH_PROVEN_MS, () => this.#retry.succeeded());
    };
    const from = { ...query, resourceVersion: this.#version, onOpened, patienceMs };
    await kube
      .watch(resource, from, (event) => this.#take(event), AbortSignal.any([signal, crowded]))
      .finally(() => {
        forget();
        this.#endWatch();
      });
    if (crowded.aborted) return;
    if (this.#version === '') throw new KubeError('the watch fell too far behind', { status: 410 });
    // A proxy may end every watch at once. Without a pause this would be a hot loop.
    if (clock.monotonicMs() - startedAtMs < WATCH_PROVEN_MS) {
      throw new KubeError('the watch ended as soon as it began', { status: 0 });
    }
  }

  /**
   * Lists all objects. If that fails, objects that are not in the store keep no room. Undefined if less may be kept
   * meanwhile: what was read before is then too much, and must not be kept beside the rest.
   */
  async #list(): Promise<ObjectList<readonly [string, T]> | undefined> {
    const { kube, resource, query, keyOf } = this.#options;
    try {
      const list = await kube.list(resource, query, (object) => {
        this.#crowded.signal.throwIfAborted();
        const key = keyOf(object);
        this.#read.add(key);
        return [key, this.#room.keep(this.#options, object)] as const;
      });
      for (const [key] of list.items) this.#read.delete(key);
      this.#freeRead();
      return list;
    } catch (error) {
      // What was read keeps its room: it is listed again at once.
      if (this.#crowded.signal.aborted) return undefined;
      this.#freeRead();
      throw error;
    }
  }

  /** Frees the room of objects that were read and did not get into the store. */
  #freeRead(): void {
    for (const key of this.#read) if (!this.#keys.has(key)) this.#room.free(this.#options, key);
    this.#read.clear();
  }

  #noteSynced(): void {
    if (this.#synced) return;
    this.#synced = true;
    this.#options.onSynced?.();
  }

  #endWatch(): void {
    if (this.staleMs() === 0) this.#freshAtMs = this.#options.clock.monotonicMs();
    this.#watchingSinceMs = undefined;
  }

  /** Handles an event. False if it changes nothing that we read. */
  #take({ type, object }: WatchEvent): boolean {
    if (type === 'ERROR') {
      // The object is a Status. Whatever it says, the resourceVersion may no longer be valid.
      this.#version = '';
      return true;
    }
    this.#freshAtMs = this.#options.clock.monotonicMs();
    this.#version = object.metadata.resourceVersion ?? '';
    const { keyOf } = this.#options;
    if (type === 'ADDED' || type === 'MODIFIED')
      return this.#put(keyOf(object), this.#room.keep(this.#options, object));
    if (type === 'DELETED') this.#remove(keyOf(object));
    return true;
  }

  /** Replaces the content of the store. Call only with all pages, because an object may be on any of them. */
  #replaceAll(entries: ReadonlyArray<readonly [string, T]>): void {
    if (this.#keys.size > 0) this.#removeAllBut(new Set(entries.map(([key]) => key)));
    for (const [key, next] of entries) this.#put(key, next);
  }

  #removeAllBut(present: ReadonlySet<string>): void {
    for (const key of [...this.#keys]) if (!present.has(key)) this.#remove(key);
  }

  /** Puts an object into the store. False if the store has it already. */
  #put(key: string, next: T): boolean {
    const { store, onChange } = this.#options;
    this.#keys.add(key);
    const known = store.get(key);
    if (known !== undefined && isSameJson(known, next)) return false;
    store.set(key, next);
    onChange(key);
    return true;
  }

  #remove(key: string): void {
    this.#room.free(this.#options, key);
    this.#keys.delete(key);
    if (this.#options.store.delete(key)) this.#options.onChange(key);
  }
}
