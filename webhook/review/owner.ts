/**
 * Which validator a pod belongs to: by owner UIDs through the StatefulSet, never by labels. Pure.
 */
import { ownStatefulSet } from '../../peers/discovery/discover.ts';
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';
import { isReadReplica } from '../../peers/read/read-replica.ts';
import { type Reason, reason } from '../../peers/reasons/reasons.ts';
import { type Key, keyOf, type Validator, type World } from '../../peers/world.ts';

/** The StatefulSet that controls a pod. */
export interface OwnerRef {
  readonly key: Key;
  readonly name: string;
  readonly uid: string;
}

/**
 * - `validator`: its StatefulSet is known and the StellarNode's own;
 * - `expected`: a StellarNode of that name is known, its StatefulSet is not in the cache yet;
 * - `pending`: a StellarNode may yet appear;
 * - `none`: no validator's pod, or one of a validator that cannot be read.
 */
export type Owner =
  | { readonly kind: 'validator' | 'expected'; readonly validator: Validator }
  | { readonly kind: 'pending' }
  | { readonly kind: 'none'; readonly reason: Reason };

const STRANGER: Owner = { kind: 'none', reason: reason('UnknownOwner') };
const READ_REPLICA: Owner = { kind: 'none', reason: reason('ReadReplica') };
const PENDING: Owner = { kind: 'pending' };

/** The StatefulSet that controls `pod` in `namespace`; undefined where something else or nothing does. */
export function ownerRefOf(pod: Fields, namespace: string): OwnerRef | undefined {
  const references = listOf(fieldsOf(pod.metadata).ownerReferences);
  const controller = references.find((reference) => reference.controller === true);
  const name = textOf(controller?.name);
  const uid = textOf(controller?.uid);
  if (controller?.kind !== 'StatefulSet' || !textOf(controller.apiVersion)?.startsWith('apps/'))
    return undefined;
  // Held pods are remembered by these, and a caller could make up any.
  return isName(name) && isName(uid) && namespace.length <= NAME_LENGTH_MAX
    ? { key: keyOf(namespace, name), name, uid }
    : undefined;
}

/** Of any object in Kubernetes. */
const NAME_LENGTH_MAX = 253;
const isName = (text: string | undefined): text is string =>
  text !== undefined && text !== '' && text.length <= NAME_LENGTH_MAX;

/** Who `ref` is by the caches as they are now; they may be milliseconds behind the pod. */
export function ownerOf(world: World, ref: OwnerRef): Owner {
  if (isReadReplica(world, ref.key)) return READ_REPLICA;
  const cached = world.statefulSets.get(ref.key);
  // A StatefulSet of another UID is the former one of that name: the pod's own is yet to be seen.
  const statefulSet = cached?.uid === ref.uid ? cached : undefined;
  if (statefulSet && statefulSet.ownerUid === undefined) return STRANGER;
  const reading = world.nodes.get(ref.key);
  switch (reading?.kind) {
    case undefined:
      return PENDING;
    case 'other':
      return STRANGER;
    case 'unreadable':
      return { kind: 'none', reason: reading.reason };
    case 'validator': {
      const { validator } = reading;
      if (!statefulSet) return { kind: 'expected', validator };
      return ownStatefulSet(world, validator) ? { kind: 'validator', validator } : PENDING;
    }
  }
}
