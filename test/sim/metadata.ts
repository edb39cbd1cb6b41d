/** The parts of an object's metadata that the server itself writes: identity, times, generation, deletion. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import type { ObjectRef } from '../../runtime/kube/resources.ts';
import { isSame } from './frozen.ts';
import { isSpecChange, rulesOf } from './rules.ts';

/** Metadata with the fields that the product does not use. */
type Metadata = KubeObject['metadata'] & {
  readonly finalizers?: readonly string[];
  readonly deletionGracePeriodSeconds?: number;
};

const metadataOf = (object: KubeObject): Metadata => object.metadata;

let known = { second: 0, text: '' };

/** A time in the form of the API server, in whole seconds. */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (known.second !== second) known = { second, text: `${new Date(ms).toISOString().slice(0, 19)}Z` };
  return known.text;
}

export const finalizersOf = (object: KubeObject): readonly string[] => metadataOf(object).finalizers ?? [];

/** The sent metadata with the server's own fields unchanged. `fresh` has these fields for a new object. */
export function keptMetadata(
  { namespace, name }: ObjectRef,
  [former, next]: readonly [KubeObject | undefined, KubeObject],
  fresh: () => { readonly uid: string; readonly creationTimestamp: string },
): KubeObject['metadata'] {
  const {
    resourceVersion: _version,
    managedFields: _fields,
    generation: _generation,
    deletionTimestamp: _deletion,
    deletionGracePeriodSeconds: _grace,
    ...sent
  } = metadataOf(next);
  const kept: Partial<Metadata> = former ? metadataOf(former) : fresh();
  const {
    uid = '',
    creationTimestamp = '',
    generation,
    deletionTimestamp,
    deletionGracePeriodSeconds,
  } = kept;
  return {
    ...sent,
    name,
    ...(namespace ? { namespace } : {}),
    uid,
    creationTimestamp,
    ...(generation === undefined ? {} : { generation }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp, deletionGracePeriodSeconds }),
  };
}

/** Marks an object for deletion. That counts as a change of the spec. */
export function markedForDeletion(object: KubeObject, nowMs: number, graceSeconds: number): KubeObject {
  const { generation } = object.metadata;
  const metadata = {
    ...object.metadata,
    deletionTimestamp: timestamp(nowMs + graceSeconds * 1000),
    deletionGracePeriodSeconds: graceSeconds,
    ...(generation === undefined ? {} : { generation: generation + 1 }),
  };
  return { ...object, metadata };
}

export function withGeneration(
  next: KubeObject,
  former: KubeObject | undefined,
  { resource }: ObjectRef,
): KubeObject {
  if (!rulesOf(resource).generation) return next;
  const before = former?.metadata.generation ?? 0;
  const generation = former && !isSpecChange(former, next) ? before : before + 1;
  return { ...next, metadata: { ...next.metadata, generation } };
}

/** True if two objects differ only in their version and their field managers. */
export function isSameContent(a: KubeObject, b: KubeObject): boolean {
  const { resourceVersion: _av, managedFields: _am, ...left } = a.metadata;
  const { resourceVersion: _bv, managedFields: _bm, ...right } = b.metadata;
  return isSame({ ...a, metadata: left }, { ...b, metadata: right });
}
