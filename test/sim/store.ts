/**
 * The objects of the simulated API server, frozen, and all their changes in order. Owns the rules of writing that hold for
 * all kinds: versions, preconditions and deletion.
 */
import type { KubeObject, ListQuery, ObjectList, PatchOperation } from '../../runtime/kube/port.ts';
import { Namespaces, type ObjectRef, type Resource } from '../../runtime/kube/resources.ts';
import { fieldsAt, frozen, isSame } from './frozen.ts';
import { patched } from './json-patch.ts';
import {
  finalizersOf,
  isSameContent,
  keptMetadata,
  markedForDeletion,
  timestamp,
  withGeneration,
} from './metadata.ts';
import { afterApply, afterWrite, managedFieldsOf, NO_OWNERS, type Owners } from './ownership.ts';
import type { Random } from './random.ts';
import { alreadyExists, conflict, invalid, notFound, terminating } from './refusals.ts';
import { graceSecondsOf, rulesOf } from './rules.ts';
import { querySelects } from './selectors.ts';
import { keyOf, requireApplicable, requireSame, shown, targetOf } from './targets.ts';
import type { SimTime } from './time.ts';

/** One write that changed something. */
export interface Change {
  readonly version: number;
  readonly resource: Resource;
  /** The object before the change; undefined if it was created. */
  readonly former: KubeObject | undefined;
  /** The object after the change; undefined if it was removed. */
  readonly next: KubeObject | undefined;
  /** The process, controller or person that wrote. */
  readonly by: string;
}

/** The writer, and its field manager. */
export interface Author {
  readonly by: string;
  readonly manager: string;
}

interface Write {
  readonly ref: ObjectRef;
  readonly former: KubeObject | undefined;
  readonly next: KubeObject;
  readonly owners: Owners;
  readonly by: string;
}

const byKey = (a: readonly [string, unknown], b: readonly [string, unknown]) =>
  a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;

export class Store {
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #kinds = new Map<string, Map<string, KubeObject>>();
  /** The owners of fields, by UID of the object. */
  readonly #owners = new Map<string, Owners>();
  readonly #listeners: Array<(change: Change) => void> = [];
  #version = 1;

  constructor(options: { time: SimTime; random: Random }) {
    this.#time = options.time;
    this.#random = options.random.fork('store');
  }

  /** The resourceVersion of the last change. */
  get version(): number {
    return this.#version;
  }

  /** Calls `listener` with each change, as it happens. */
  onChange(listener: (change: Change) => void): void {
    this.#listeners.push(listener);
  }

  get(ref: ObjectRef): KubeObject | undefined {
    return this.#kind(ref.resource).get(keyOf(ref));
  }

  /** All objects of a kind, in no particular order. */
  all(resource: Resource): Iterable<KubeObject> {
    return this.#kind(resource).values();
  }

  list(resource: Resource, query: ListQuery): ObjectList {
    const selects = querySelects(query);
    const items: KubeObject[] = [];
    for (const [, object] of [...this.#kind(resource)].sort(byKey)) if (selects(object)) items.push(object);
    return { items, resourceVersion: String(this.#version) };
  }

  /** Creates an object. Throws KubeError 409 if it exists, and 404 or 403 if its namespace accepts no objects. */
  create(resource: Resource, body: KubeObject, { by, manager }: Author): KubeObject {
    const { generateName } = body.metadata as { generateName?: string };
    const name = body.metadata.name || `${generateName}${this.#hex(5)}`;
    const ref = { resource, namespace: body.metadata.namespace, name };
    if (this.get(ref)) throw alreadyExists(`${shown(ref)} already exists`);
    this.#checkNamespace(ref);
    const next = { ...body, metadata: { ...body.metadata, name } };
    const owners = this.#afterWrite(ref, [undefined, next], manager);
    return this.#write({ ref, former: undefined, next, owners, by });
  }

  /** Server-side apply. Throws KubeError 409 for fields of others or another version, 422 for another uid. */
  apply(
    target: ObjectRef,
    body: KubeObject,
    options: { by: string; manager: string; force?: boolean },
  ): KubeObject {
    const { ref, isStatus } = targetOf(target);
    const former = this.get(ref);
    if (isStatus) {
      return this.writeStatus(ref, { ...fieldsAt(former?.status), ...fieldsAt(body.status) }, options.by);
    }
    if (former) requireApplicable(ref, former, body.metadata);
    else if (body.metadata.uid) throw conflict(`${shown(ref)} with that uid is not there`);
    else this.#checkNamespace(ref);
    const named = { ...body, metadata: { ...body.metadata, name: ref.name, namespace: ref.namespace } };
    const wanted = frozen(named) as KubeObject;
    const applied = afterApply(this.#ownersOf(former), [former, wanted], options);
    if ('conflicts' in applied) {
      throw conflict(`${shown(ref)}: others hold ${applied.conflicts.join(' and ').replaceAll('\n', '.')}`);
    }
    return this.#write({ ref, former, next: applied.object, owners: applied.owners, by: options.by });
  }

  /** PUT. Throws KubeError 404, 409 for another uid or version, and 422 for a missing version that the kind requires. */
  replace(target: ObjectRef, body: KubeObject, { by, manager }: Author): KubeObject {
    const { ref, isStatus } = targetOf(target);
    const former = this.#stored(ref);
    if (!body.metadata.resourceVersion && rulesOf(ref.resource).versioned) {
      throw invalid(`${shown(ref)} is invalid: metadata.resourceVersion: must be specified for an update`);
    }
    requireSame(ref, former, body.metadata);
    if (isStatus) return this.writeStatus(ref, body.status, by);
    const owners = this.#afterWrite(ref, [former, body], manager);
    return this.#write({ ref, former, next: body, owners, by });
  }

  /** JSON Patch. Throws KubeError 404, 409 for another uid or version, and 422 if the patch does not apply. */
  patch(target: ObjectRef, operations: readonly PatchOperation[], { by, manager }: Author): KubeObject {
    const { ref, isStatus } = targetOf(target);
    const former = this.#stored(ref);
    const next = patched(former, operations);
    requireSame(ref, former, next.metadata);
    if (isStatus) return this.writeStatus(ref, next.status, by);
    return this.#write({ ref, former, next, owners: this.#afterWrite(ref, [former, next], manager), by });
  }

  /** Deletes an object; no error if it is gone. A scheduled pod, or an object with finalizers, exists until `remove`. */
  delete(ref: ObjectRef, options: { uid?: string; resourceVersion?: string; by: string }): void {
    const former = this.get(ref);
    if (!former) return;
    requireSame(ref, former, options);
    if (former.metadata.deletionTimestamp) return;
    const graceSeconds = graceSecondsOf(former, ref.resource);
    const isHeld = finalizersOf(former).length > 0 || ref.resource.kind === Namespaces.kind;
    if (graceSeconds === 0 && !isHeld) this.remove(ref, options.by);
    else this.#put(ref, former, markedForDeletion(former, this.#time.nowMs(), graceSeconds), options.by);
  }

  /** Removes an object at once, in spite of finalizers: the last step of a kubelet or of a finalizer. */
  remove(ref: ObjectRef, by: string): void {
    const former = this.get(ref);
    if (!former) return;
    this.#kind(ref.resource).delete(keyOf(ref));
    this.#owners.delete(former.metadata.uid ?? '');
    this.#tell({ resource: ref.resource, former, next: undefined, by });
  }

  /** The status subresource. Throws KubeError 404. */
  writeStatus(ref: ObjectRef, status: unknown, by: string): KubeObject {
    const former = this.#stored(ref);
    if (isSame(former.status, status)) return former;
    return this.#put(ref, former, { ...former, status }, by);
  }

  #kind({ plural }: Resource): Map<string, KubeObject> {
    const kind = this.#kinds.get(plural) ?? new Map<string, KubeObject>();
    this.#kinds.set(plural, kind);
    return kind;
  }

  #stored(ref: ObjectRef): KubeObject {
    const stored = this.get(ref);
    if (!stored) throw notFound(`${shown(ref)} not found`);
    return stored;
  }

  #ownersOf(object: KubeObject | undefined): Owners {
    return this.#owners.get(object?.metadata.uid ?? '') ?? NO_OWNERS;
  }

  #checkNamespace({ resource, namespace = '' }: ObjectRef): void {
    if (rulesOf(resource).clusterScoped) return;
    const found = this.get({ resource: Namespaces, name: namespace });
    if (!found) throw notFound(`namespaces "${namespace}" not found`);
    if (found.metadata.deletionTimestamp) throw terminating(`namespace ${namespace} is being terminated`);
  }

  #afterWrite(
    { resource }: ObjectRef,
    [former, next]: readonly [KubeObject | undefined, KubeObject],
    manager: string,
  ): Owners {
    if (rulesOf(resource).unowned) return NO_OWNERS;
    return afterWrite(this.#ownersOf(former), [former, frozen(next)], manager);
  }

  /** Stores a written object, with the server's own fields. */
  #write({ ref, former, next: sent, owners, by }: Write): KubeObject {
    const { defaults, status: hasStatus, check, listsOwners } = rulesOf(ref.resource);
    const { apiVersion, kind } = ref.resource;
    const kept = keptMetadata(ref, [former, sent], () => ({
      uid: this.#uid(),
      creationTimestamp: timestamp(this.#time.nowMs()),
    }));
    const isHeldAsBefore = owners === this.#ownersOf(former);
    const metadata = listsOwners ? { ...kept, managedFields: managedFieldsOf(owners) } : kept;
    const { status, ...rest } = sent;
    const bare = { ...rest, apiVersion, kind, status: hasStatus ? former?.status : status, metadata };
    const next = frozen(defaults ? defaults(bare) : bare);
    check?.(next, former);
    if (former && isHeldAsBefore && isSameContent(former, next)) return former;
    this.#owners.set(kept.uid ?? '', owners);
    const stored = this.#put(ref, former, withGeneration(next, former, ref), by);
    const isFreed = former && finalizersOf(former).length > 0 && finalizersOf(next).length === 0;
    if (isFreed && next.metadata.deletionTimestamp) this.remove(ref, by);
    return stored;
  }

  #put(ref: ObjectRef, former: KubeObject | undefined, next: KubeObject, by: string): KubeObject {
    this.#version += 1;
    const metadata = { ...next.metadata, resourceVersion: String(this.#version) };
    const object = frozen({ ...next, metadata });
    this.#kind(ref.resource).set(keyOf(ref), object);
    this.#tell({ resource: ref.resource, former, next: object, by }, this.#version);
    return object;
  }

  #tell(change: Omit<Change, 'version'>, version = this.#version + 1): void {
    this.#version = version;
    for (const listener of this.#listeners) listener({ ...change, version });
  }

  #hex(length: number): string {
    let text = '';
    while (text.length < length) text += this.#random.int(0, 15).toString(16);
    return text;
  }

  #uid(): string {
    return `${this.#hex(8)}-${this.#hex(4)}-4${this.#hex(3)}-8${this.#hex(3)}-${this.#hex(12)}`;
  }
}
