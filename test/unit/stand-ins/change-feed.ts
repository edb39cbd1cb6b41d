/**
 * What watches stream: every change since a version, in order, to each listener; and how streams break.
 */
import {
  KubeError,
  type KubeObject,
  type ListQuery,
  type ObjectList,
  type WatchEvent,
  type WatchQuery,
} from '../../../runtime/kube/port.ts';
import type { Resource } from '../../../runtime/kube/resources.ts';

interface Change {
  readonly version: number;
  readonly resource: Resource;
  readonly former: KubeObject | undefined;
  readonly next: KubeObject | undefined;
}

interface Stream {
  readonly resource: Resource;
  readonly query: ListQuery;
  readonly onEvent: (event: WatchEvent) => void;
  readonly end: (error?: Error) => void;
}

/** True if the query selects the object: namespace, `metadata.name=`, and labels by equality. */
export function matches(query: ListQuery, { metadata }: KubeObject): boolean {
  const { namespace, fieldSelector, labelSelector } = query;
  const wanted = labelSelector ? labelSelector.split(',').map((term) => term.split('=')) : [];
  return (
    (namespace === undefined || metadata.namespace === namespace) &&
    (fieldSelector === undefined || fieldSelector === `metadata.name=${metadata.name}`) &&
    wanted.every(([key = '', value]) => metadata.labels?.[key] === value)
  );
}

/** For a watch, an object that its selector no longer selects is deleted. */
function eventFor({ resource, query }: Stream, change: Change): WatchEvent | undefined {
  const { former, next, version } = change;
  if (change.resource.plural !== resource.plural) return undefined;
  const was = former !== undefined && matches(query, former);
  if (next && matches(query, next)) {
    return { type: was ? 'MODIFIED' : 'ADDED', object: structuredClone(next) };
  }
  if (!was) return undefined;
  const object = structuredClone(next ?? former);
  return {
    type: 'DELETED',
    object: { ...object, metadata: { ...object.metadata, resourceVersion: `${version}` } },
  };
}

const GONE = { kind: 'Status', code: 410, reason: 'Expired', metadata: {} } as unknown as KubeObject;

export class ChangeFeed {
  readonly #changes: Change[] = [];
  readonly #streams = new Set<Stream>();
  #version = 0;
  #oldest = 0;
  /** How the server answers a version that is too old: by the status of the answer, or by an event in the stream. */
  expiredBy: 'status' | 'event' = 'status';

  get version(): number {
    return this.#version;
  }

  /** The number of open watches. */
  get streams(): number {
    return this.#streams.size;
  }

  nextVersion(): string {
    this.#version += 1;
    return String(this.#version);
  }

  record(resource: Resource, former: KubeObject | undefined, next: KubeObject | undefined): void {
    const change = { version: this.#version, resource, former, next };
    this.#changes.push(change);
    for (const stream of [...this.#streams]) this.#send(stream, change);
  }

  listOf(items: KubeObject[]): ObjectList {
    return { items: structuredClone(items), resourceVersion: String(this.#version) };
  }

  /** Streams until either side ends the stream, as Kube.watch promises. */
  async watch(
    target: { resource: Resource; query: WatchQuery },
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const since = Number(target.query.resourceVersion);
    if (since < this.#oldest) {
      if (this.expiredBy === 'status') throw new KubeError('too old resource version', { status: 410 });
      onEvent({ type: 'ERROR', object: GONE });
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = (error?: Error) => (error ? reject(error) : resolve());
    const stream: Stream = { ...target, onEvent, end };
    for (const change of this.#changes) if (change.version > since) this.#send(stream, change);
    this.#streams.add(stream);
    target.query.onOpened?.();
    const abort = () => resolve();
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    await promise.finally(() => {
      this.#streams.delete(stream);
      signal.removeEventListener('abort', abort);
    });
  }

  /** Sends an event unchanged to every watch, for example an event that a real server must never send. */
  say(event: WatchEvent): void {
    for (const stream of [...this.#streams]) stream.onEvent(structuredClone(event));
  }

  /** Sends every watch a bookmark with the present version, as the server does about once a minute. */
  bookmark(): void {
    this.say({ type: 'BOOKMARK', object: { metadata: { name: '', resourceVersion: `${this.#version}` } } });
  }

  /** Ends every watch, as the server or the network does. With `error`, each watch fails with that error. */
  cut(error?: Error): void {
    for (const stream of [...this.#streams]) {
      this.#streams.delete(stream);
      stream.end(error);
    }
  }

  /** Forgets old changes, so that a watch from an old version must list again. */
  compact(): void {
    this.#oldest = this.#version;
    this.#changes.length = 0;
  }

  #send(stream: Stream, change: Change): void {
    const event = eventFor(stream, change);
    if (event) stream.onEvent(event);
  }
}
