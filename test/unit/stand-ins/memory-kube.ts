/**
 * A small API server in memory: objects, resourceVersions and their conflicts, as much as certs/ needs.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import jsonPatch from 'fast-json-patch';
import { type Kube, KubeError, type KubeObject, type PatchOperation } from '../../../runtime/kube.ts';
import { type ObjectRef, objectPath } from '../../../runtime/resources.ts';

export class MemoryKube implements Kube {
  readonly #objects = new Map<string, KubeObject>();
  readonly #listeners = new Set<() => void>();
  #version = 0;
  /** Every request, as `verb path`. */
  readonly requests: string[] = [];
  /** Called before each request is served; what it throws is the answer. */
  intercept: (request: string) => void = () => undefined;

  get = (ref: ObjectRef) =>
    this.#serve('get', ref, () => {
      const found = this.#objects.get(objectPath(ref));
      return found && structuredClone(found);
    });

  create = () => Promise.reject(new Error('create cannot be named in RBAC and is not used here'));
  list = () => Promise.reject(new Error('list is not used here'));
  watch = () => Promise.reject(new Error('watch is not used here'));

  apply = (ref: ObjectRef, body: KubeObject) =>
    this.#serve('apply', ref, () => {
      const stored = this.#objects.get(objectPath(ref));
      const metadata = { ...stored?.metadata, ...body.metadata, uid: stored?.metadata.uid ?? randomUUID() };
      return this.#store(ref, { ...stored, ...body, metadata });
    });

  replace = (ref: ObjectRef, body: KubeObject) =>
    this.#serve('replace', ref, () => {
      const { uid, resourceVersion } = this.#stored(ref).metadata;
      const changed =
        (body.metadata.resourceVersion ?? resourceVersion) !== resourceVersion ||
        (body.metadata.uid ?? uid) !== uid;
      if (changed) throw failure(409, 'Conflict', `${ref.name} has been modified`);
      return this.#store(ref, body);
    });

  patch = (ref: ObjectRef, operations: readonly PatchOperation[]) =>
    this.#serve('patch', ref, () => {
      const stored = this.#stored(ref);
      try {
        const patched = jsonPatch.applyPatch(
          structuredClone(stored),
          structuredClone([...operations]) as never,
          true,
        );
        return this.#store(ref, patched.newDocument);
      } catch (cause) {
        throw failure(422, 'Invalid', String(cause));
      }
    });

  delete = (ref: ObjectRef) =>
    this.#serve('delete', ref, () => {
      this.#objects.delete(objectPath(ref));
      this.#tell();
    });

  /** What a watch would offer: the object as it is, and a call after every change of anything. */
  observe = (ref: ObjectRef): KubeObject | undefined => this.#objects.get(objectPath(ref));

  onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  async #serve<T>(verb: string, ref: ObjectRef, answer: () => T): Promise<T> {
    const request = `${verb} ${objectPath(ref)}`;
    this.requests.push(request);
    // Others get their turn between a request and its answer, as over a network.
    await new Promise(setImmediate);
    this.intercept(request);
    return answer();
  }

  #stored(ref: ObjectRef): KubeObject {
    const stored = this.#objects.get(objectPath(ref));
    if (!stored) throw failure(404, 'NotFound', `${ref.name} not found`);
    return stored;
  }

  /** Like the API server, it knows a write that changes nothing and keeps the version. */
  #store(ref: ObjectRef, object: KubeObject): KubeObject {
    const former = this.#objects.get(objectPath(ref));
    const versionless = { ...object, metadata: { ...object.metadata } };
    if (former) versionless.metadata.resourceVersion = String(former.metadata.resourceVersion);
    if (former && isDeepStrictEqual(structuredClone(versionless), former)) return structuredClone(former);
    this.#version += 1;
    const stored = structuredClone({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.#version) },
    });
    this.#objects.set(objectPath(ref), stored);
    this.#tell();
    return structuredClone(stored);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const failure = (status: number, reason: string, message: string, retryAfterSeconds?: number) =>
  new KubeError(message, { status, reason, retryAfterSeconds });
