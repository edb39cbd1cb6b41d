/**
 * A small API server in memory: objects, resourceVersions and their conflicts, field managers of `data`, watches.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import jsonPatch from 'fast-json-patch';
import {
  type Kube,
  KubeError,
  type KubeObject,
  type ListQuery,
  type PatchOperation,
  type WatchEvent,
  type WatchQuery,
} from '../../../runtime/kube/port.ts';
import {
  collectionPath,
  type ObjectRef,
  objectPath,
  type Resource,
} from '../../../runtime/kube/resources.ts';
import { ChangeFeed, matches } from './change-feed.ts';
import { afterApply, afterUpdate } from './field-managers.ts';

/** Field manager of every plain write. */
const PLAIN_MANAGER = 'kubectl-edit';

type Applying = Parameters<Kube['apply']>[2];

export class MemoryKube implements Kube {
  readonly #objects = new Map<string, { resource: Resource; object: KubeObject }>();
  readonly #listeners = new Set<() => void>();
  /** The watches, and how they break. */
  readonly feed = new ChangeFeed();
  /** All requests so far, as `verb path`. */
  readonly requests: string[] = [];
  /** Called before each request is served. An error that the function throws is the answer. */
  intercept: (request: string) => void | Promise<void> = () => undefined;

  get = (ref: ObjectRef) =>
    this.#serve('get', objectPath(ref), () => {
      const found = this.#find(ref);
      return found && structuredClone(found);
    });

  list = <T = KubeObject>(
    resource: Resource,
    query: ListQuery = {},
    read = (object: KubeObject) => object as T,
  ) =>
    this.#serve('list', collectionPath(resource, query.namespace), () => {
      const { items, ...list } = this.feed.listOf(
        this.#allOf(resource).filter((object) => matches(query, object)),
      );
      return { ...list, items: items.map(read) };
    });

  watch = async (
    resource: Resource,
    query: WatchQuery,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
  ) => {
    await this.#serve('watch', collectionPath(resource, query.namespace), () => undefined);
    await this.feed.watch({ resource, query }, onEvent, signal);
  };

  create = (resource: Resource, body: KubeObject) => {
    const { namespace, name } = body.metadata;
    const ref = { resource, namespace, name };
    return this.#serve('create', objectPath(ref), () => {
      if (this.#find(ref)) throw failure(409, 'AlreadyExists', `${name} already exists`);
      return this.#update(ref, { ...body, metadata: { uid: randomUUID(), ...body.metadata } });
    });
  };

  apply = (ref: ObjectRef, body: KubeObject, options: Applying = { manager: 'stranger', force: true }) =>
    this.#serve('apply', objectPath(ref), () => {
      const stored = this.#find(ref);
      if (stored) this.#require(ref, body.metadata);
      const applied = afterApply(stored, body, options);
      if ('conflicts' in applied) throw failure(409, 'Conflict', `others hold ${applied.conflicts}`);
      const { data, managedFields } = applied;
      const uid = stored?.metadata.uid ?? randomUUID();
      const metadata = { ...stored?.metadata, ...body.metadata, uid, managedFields };
      const hasData = stored?.data !== undefined || body.data !== undefined;
      const object = this.#store(ref, { ...stored, ...body, ...(hasData ? { data } : {}), metadata });
      return options.large ? { metadata: object.metadata } : object;
    });

  replace = (ref: ObjectRef, body: KubeObject) =>
    this.#serve('replace', objectPath(ref), () => {
      const { uid = '' } = this.#stored(ref).metadata;
      this.#require(ref, body.metadata);
      return this.#update(ref, { ...body, metadata: { uid, ...body.metadata } });
    });

  patch = (ref: ObjectRef, operations: readonly PatchOperation[]) =>
    this.#serve('patch', objectPath(ref), () => {
      const patched = applyPatch(this.#stored(ref), operations);
      this.#require(ref, patched.metadata);
      return this.#update(ref, patched);
    });

  delete = (ref: ObjectRef, preconditions: { uid?: string; resourceVersion?: string } = {}) =>
    this.#serve('delete', objectPath(ref), () => {
      const former = this.#find(ref);
      if (!former) return;
      this.#require(ref, preconditions);
      this.#objects.delete(objectPath(ref));
      this.feed.nextVersion();
      this.feed.record(ref.resource, former, undefined);
      this.#tell();
    });

  /** The same as a watch offers: the present object, and a call after each change of any object. */
  observe = (ref: ObjectRef): KubeObject | undefined => this.#find(ref);

  onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Stores objects unchanged, as if they had existed from the start. */
  seed(resource: Resource, objects: readonly KubeObject[]): void {
    for (const object of objects) {
      const { namespace, name } = object.metadata;
      this.#store({ resource, namespace, name }, object);
    }
  }

  async #serve<T>(verb: string, path: string, answer: () => T): Promise<T> {
    const request = `${verb} ${path}`;
    this.requests.push(request);
    // Other work runs between a request and its answer, as over a network.
    await new Promise(setImmediate);
    await this.intercept(request);
    return answer();
  }

  #find = (ref: ObjectRef): KubeObject | undefined => this.#objects.get(objectPath(ref))?.object;

  #allOf = (resource: Resource): KubeObject[] =>
    [...this.#objects.values()]
      .filter((stored) => stored.resource.plural === resource.plural)
      .map(({ object }) => object);

  #stored(ref: ObjectRef): KubeObject {
    const stored = this.#find(ref);
    if (!stored) throw failure(404, 'NotFound', `${ref.name} not found`);
    return stored;
  }

  #require(ref: ObjectRef, wanted: { uid?: string; resourceVersion?: string }): void {
    const { uid, resourceVersion } = this.#stored(ref).metadata;
    const changed =
      (wanted.resourceVersion ?? resourceVersion) !== resourceVersion || (wanted.uid ?? uid) !== uid;
    if (changed) throw failure(409, 'Conflict', `${ref.name} has been modified`);
  }

  #update(ref: ObjectRef, object: KubeObject): KubeObject {
    const managedFields = afterUpdate(this.#find(ref), object, PLAIN_MANAGER);
    return this.#store(ref, { ...object, metadata: { ...object.metadata, managedFields } });
  }

  /** Stores the object. Like the API server, this keeps the resourceVersion if a write changes nothing. */
  #store(ref: ObjectRef, object: KubeObject): KubeObject {
    const former = this.#find(ref);
    const versionless = { ...object, metadata: { ...object.metadata } };
    if (former) versionless.metadata.resourceVersion = String(former.metadata.resourceVersion);
    if (former && isDeepStrictEqual(structuredClone(versionless), former)) return structuredClone(former);
    const metadata = { ...object.metadata, resourceVersion: this.feed.nextVersion() };
    const stored = structuredClone({ ...object, metadata });
    this.#objects.set(objectPath(ref), { resource: ref.resource, object: stored });
    this.feed.record(ref.resource, former, stored);
    this.#tell();
    return structuredClone(stored);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function applyPatch(stored: KubeObject, operations: readonly PatchOperation[]): KubeObject {
  try {
    const copy = structuredClone([...operations]) as never;
    return jsonPatch.applyPatch(structuredClone(stored), copy, true).newDocument;
  } catch (cause) {
    throw failure(422, 'Invalid', String(cause));
  }
}

export const failure = (status: number, reason: string, message: string, retryAfterSeconds?: number) =>
  new KubeError(message, { status, reason, retryAfterSeconds });
