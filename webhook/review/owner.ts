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
 * - `validator`: the StatefulSet is known and belongs to the StellarNode;
 * - `expected`: a StellarNode of that name is known, but its StatefulSet is not in the cache yet;
 * - `pending`: a StellarNode may still appear;
 * - `none`: not a validator's pod, or the validator cannot be read.
 */
export type Owner =
  | { readonly kind: 'validator' | 'expected'; readonly validator: Validator }
  | { readonly kind: 'pending' }
  | { readonly kind: 'none'; readonly reason: Reason };

const STRANGER: Owner = { kind: 'none', reason: reason('UnknownOwner') };
const READ_REPLICA: Owner = { kind: 'none', reason: reason('ReadReplica') };
const PENDING: Owner = { kind: 'pending' };

/** The StatefulSet that controls `pod` in `namespace`; undefined if another object, or none, controls the pod. */
export function ownerRefOf(pod: Fields, namespace: string): OwnerRef | undefined {
  const references = listOf(fieldsOf(pod.metadata).ownerReferences);
  const controller = references.find((reference) => reference.controller === true);
  const name = textOf(controller?.name);
  const uid = textOf(controller?.uid);
  if (controller?.kind !== 'StatefulSet' || !textOf(controller.apiVersion)?.startsWith('apps/'))
    return undefined;
  // Held pods are remembered by name and UID, and a caller could invent long ones.
  return isName(name) && isName(uid) && namespace.length <= NAME_LENGTH_MAX
    ? { key: keyOf(namespace, name), name, uid }
    : undefined;
}

/** The longest name of any object in Kubernetes. */
const NAME_LENGTH_MAX = 253;
const isName = (text: string | undefined): text is string =>
  text !== undefined && text !== '' && text.length <= NAME_LENGTH_MAX;

/** The owner behind `ref`, by the caches as they are now. The caches may be milliseconds older than the pod. */
export function ownerOf(world: World, ref: OwnerRef): Owner {
  if (isReadReplica(world, ref.key)) return READ_REPLICA;
  const cached = world.statefulSets.get(ref.key);
  // A cached StatefulSet with another UID is an earlier one with the same name. The pod's own is not cached yet.
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
