/** The watch streams of the simulated API server: which changes each stream gets, in which order, and how late. */
import type { Kube, KubeError, KubeObject, WatchEvent, WatchQuery } from '../../runtime/kube/port.ts';
import type { Resource } from '../../runtime/kube/resources.ts';
import { frozen } from './frozen.ts';
import type { Process } from './process.ts';
import { expired } from './refusals.ts';
import { querySelects } from './selectors.ts';
import type { Change, Store } from './store.ts';
import type { SimTime } from './time.ts';

type OnEvent = Parameters<Kube['watch']>[2];

export interface WatchOptions {
  readonly resource: Resource;
  readonly query: WatchQuery;
  /** The process that watches; undefined for a stream that is never cut. */
  readonly owner: Process | undefined;
  readonly delayMs: () => number;
  readonly deliver: (fn: () => void) => void;
}

interface Stream extends WatchOptions {
  readonly selects: (object: KubeObject) => boolean;
  readonly onEvent: OnEvent;
  readonly end: (error?: Error) => void;
  readonly openedAtMs: number;
  /** When the last pending event arrives, and the events that arrive with it. */
  lastDueMs: number;
  batch: WatchEvent[];
  ended: boolean;
}

const BOOKMARK_MS = 60_000;
/** The server ends each watch normally after the client's `timeoutSeconds`. */
const STREAM_MS_MAX = 600_000;

const GONE = frozen({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: 'too old resource version',
  reason: 'Expired',
  code: 410,
}) as unknown as KubeObject;

export class Watches {
  readonly #time: SimTime;
  readonly #store: Store;
  readonly #streams = new Map<string, Set<Stream>>();
  readonly #changes = new Map<string, Change[]>();
  #oldest = 0;
  #expiredBy: 'status' | 'event' = 'event';

  constructor(time: SimTime, store: Store) {
    this.#time = time;
    this.#store = store;
    store.onChange((change) => this.#take(change));
    this.#tickLater();
  }

  /** Streams until either side ends the watch, as Kube.watch promises. */
  async stream(options: WatchOptions, onEvent: OnEvent, signal: AbortSignal): Promise<void> {
    const since = Number(options.query.resourceVersion);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stream: Stream = {
      ...options,
      selects: querySelects(options.query),
      onEvent,
      end: (error) => (error ? reject(error) : resolve()),
      openedAtMs: this.#time.monotonicMs(),
      lastDueMs: -1,
      batch: [],
      ended: false,
    };
    const abort = () => {
      this.#drop(stream);
      resolve();
    };
    if (signal.aborted) return;
    signal.addEventListener('abort', abort, { once: true });
    if (since < this.#oldest) this.#refuse(stream);
    else {
      this.#open(stream, since);
      options.query.onOpened?.();
    }
    await promise.finally(() => signal.removeEventListener('abort', abort));
  }

  compact(by: 'status' | 'event'): void {
    this.#expiredBy = by;
    this.#oldest = this.#store.version;
    this.#changes.clear();
  }

  /** Cuts streams. Pending events are lost. */
  cut(process: Process | undefined, error: KubeError | undefined): void {
    for (const stream of this.#all()) {
      if (stream.owner === undefined || (process !== undefined && stream.owner !== process)) continue;
      this.#end(stream, error);
    }
  }

  bookmark(): void {
    const resourceVersion = String(this.#store.version);
    for (const stream of this.#all()) {
      const { apiVersion, kind } = stream.resource;
      // The name is not there in a bookmark of the real server.
      const object = frozen({ apiVersion, kind, metadata: { resourceVersion } }) as unknown as KubeObject;
      if (stream.owner) this.#send(stream, { type: 'BOOKMARK', object });
    }
  }

  #tickLater(): void {
    this.#time.schedule(BOOKMARK_MS, () => {
      this.bookmark();
      const bornBeforeMs = this.#time.monotonicMs() - STREAM_MS_MAX;
      for (const stream of this.#all())
        if (stream.owner && stream.openedAtMs < bornBeforeMs) this.#end(stream);
      this.#tickLater();
    });
  }

  #all(): Stream[] {
    return [...this.#streams.values()].flatMap((streams) => [...streams]);
  }

  #take(change: Change): void {
    const { plural } = change.resource;
    const known = this.#changes.get(plural);
    if (known) known.push(change);
    else this.#changes.set(plural, [change]);
    for (const stream of this.#streams.get(plural) ?? []) this.#offer(stream, change);
  }

  #refuse(stream: Stream): void {
    if (this.#expiredBy === 'event') this.#send(stream, { type: 'ERROR', object: GONE });
    this.#end(stream, this.#expiredBy === 'status' ? expired('too old resource version') : undefined);
  }

  #open(stream: Stream, since: number): void {
    const { plural } = stream.resource;
    const changes = this.#changes.get(plural) ?? [];
    let first = changes.length;
    while (first > 0 && (changes[first - 1]?.version ?? 0) > since) first -= 1;
    for (const change of changes.slice(first)) this.#offer(stream, change);
    const streams = this.#streams.get(plural) ?? new Set();
    this.#streams.set(plural, streams.add(stream));
  }

  #offer(stream: Stream, change: Change): void {
    if (stream.owner?.state === 'dead') {
      this.#drop(stream);
      return;
    }
    const event = eventFor(stream, change);
    if (event) this.#send(stream, event);
  }

  #send(stream: Stream, event: WatchEvent): void {
    const nowMs = this.#time.monotonicMs();
    const dueMs = Math.max(stream.lastDueMs, nowMs + stream.delayMs());
    if (stream.batch.length > 0 && dueMs === stream.lastDueMs) {
      stream.batch.push(event);
      return;
    }
    const batch = [event];
    stream.batch = batch;
    stream.lastDueMs = dueMs;
    this.#time.schedule(dueMs - nowMs, () => {
      if (stream.batch === batch) stream.batch = [];
      for (const each of batch) stream.deliver(() => stream.ended || stream.onEvent(each));
    });
  }

  /** Ends a stream: after the pending events without an error, else at once. */
  #end(stream: Stream, error?: Error): void {
    this.#streams.get(stream.resource.plural)?.delete(stream);
    const waitMs = error ? 0 : Math.max(0, stream.lastDueMs - this.#time.monotonicMs());
    this.#time.schedule(waitMs, () =>
      stream.deliver(() => {
        stream.ended = true;
        stream.end(error);
      }),
    );
  }

  #drop(stream: Stream): void {
    stream.ended = true;
    this.#streams.get(stream.resource.plural)?.delete(stream);
  }
}

/** The event of a change for a stream. An object that the stream no longer selects appears as deleted. */
function eventFor({ selects }: Stream, { former, next, version }: Change): WatchEvent | undefined {
  const was = former !== undefined && selects(former);
  if (next && selects(next)) return { type: was ? 'MODIFIED' : 'ADDED', object: next };
  if (!was) return undefined;
  const metadata = { ...former.metadata, resourceVersion: String(version) };
  return { type: 'DELETED', object: frozen({ ...former, metadata }) };
}
