/**
 * Keeps one local store equal to what the API server has: list, then watch, for ever, with backoff.
 * It stores projections, so that an event that changes nothing we read causes no work. Why not the
 * client's own informer: docs/decisions/0002.
 */
import { isSameJson } from '../../peers/field.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Notifier } from '../notifier.ts';
import { hasStatus, type Kube, KubeError, type KubeObject, type ListQuery, type WatchEvent } from './port.ts';
import { Retry } from './retry.ts';
import { Room } from './room.ts';
import type { WatchedKind } from './sources.ts';

/** A watch that has lasted this long keeps the store current: something between us may end each as it begins. */
const WATCH_PROVEN_MS = 1_000;
/** Something between us may hold a grant back until there is something to tell, at the latest the next bookmark. */
const PATIENCE_MS_MIN = 10_000;
const PATIENCE_MS_MAX = 90_000;

/** What every watch is made over. */
export interface WatchEdges {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  /** Shared by all that ask the same API server: notified when a request has succeeded. */
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
  /** Keys of ours in the store, which several reflectors (one a namespace) may share. */
  #keys = new Set<string>();
  #synced = false;
  readonly #room: Room;
  /** Aborts the watch when less may be kept than was listed. */
  #crowded = new AbortController();
  /** When the store was last known to be current, and since when a watch keeps it so. */
  #freshAtMs: number;
  #watchingSinceMs: number | undefined;
  readonly #retry: Retry;
  /** How long the next watch may take to be granted; 0 for as long as any request. */
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

  /** Lists and watches until `signal` aborts. Never rejects: what fails is logged and tried again. */
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
    const { kube, clock, resource, query, keyOf } = this.#options;
    if (this.#version === '' || this.#crowded.signal.aborted) {
      this.#crowded = new AbortController();
      const read = (object: KubeObject): [string, T] => [
        keyOf(object),
        this.#room.keep(this.#options, object),
      ];
      const list = await kube.list(resource, query, read);
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
    // Something between us and the server ends every stream: without a pause this would be a hot loop.
    if (clock.monotonicMs() - startedAtMs < WATCH_PROVEN_MS) {
      throw new KubeError('the watch ended as soon as it began', { status: 0 });
    }
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

  /** False where the event said nothing that we read. */
  #take({ type, object }: WatchEvent): boolean {
    if (type === 'ERROR') {
      // The object is a Status; whatever it says, the version may be no good any more.
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

  /** Once all pages have come: what some of them lack may stand on the others. */
  #replaceAll(entries: ReadonlyArray<readonly [string, T]>): void {
    if (this.#keys.size > 0) this.#removeAllBut(new Set(entries.map(([key]) => key)));
    for (const [key, next] of entries) this.#put(key, next);
  }

  #removeAllBut(present: ReadonlySet<string>): void {
    for (const key of [...this.#keys]) if (!present.has(key)) this.#remove(key);
  }

  /** False where it was there already as it is. */
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
