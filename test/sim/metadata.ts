/** What the server itself writes into an object's metadata: identity, times, generation, marks of deletion. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import type { ObjectRef } from '../../runtime/kube/resources.ts';
import { isSame } from './frozen.ts';
import { isSpecChange, rulesOf } from './rules.ts';

/** With the fields that the product has no use for. */
type Metadata = KubeObject['metadata'] & {
  readonly finalizers?: readonly string[];
  readonly deletionGracePeriodSeconds?: number;
};

const metadataOf = (object: KubeObject): Metadata => object.metadata;

let known = { second: 0, text: '' };

/** Whole seconds, as the API server writes them. */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (known.second !== second) known = { second, text: `${new Date(ms).toISOString().slice(0, 19)}Z` };
  return known.text;
}

export const finalizersOf = (object: KubeObject): readonly string[] => metadataOf(object).finalizers ?? [];

/** What was sent, with what the server owns kept as it was; `fresh` is for an object that was not there. */
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

/** The wish to delete it counts as a change of the spec. */
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

/** True if nothing differs but the version and what says only who wrote. */
export function isSameContent(a: KubeObject, b: KubeObject): boolean {
  const { resourceVersion: _av, managedFields: _am, ...left } = a.metadata;
  const { resourceVersion: _bv, managedFields: _bm, ...right } = b.metadata;
  return isSame({ ...a, metadata: left }, { ...b, metadata: right });
}
