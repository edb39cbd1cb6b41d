/** The targets of requests, and the checks of their preconditions. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import type { ObjectRef } from '../../runtime/kube/resources.ts';
import { conflict, invalid, notFound } from './refusals.ts';

/** The key of an object within its kind. Keys sort in the order in which the server lists. */
export const keyOf = (ref: Pick<ObjectRef, 'namespace' | 'name'>): string =>
  `${ref.namespace ?? ''}/${ref.name}`;

export const shown = (ref: ObjectRef): string => `${ref.resource.plural} "${ref.name}"`;

/** The object that a ref names, and whether the ref means its status: then the plural is `pods/x` and the name `status`. */
export function targetOf(ref: ObjectRef): { readonly ref: ObjectRef; readonly isStatus: boolean } {
  const [plural = '', name] = ref.resource.plural.split('/');
  if (name === undefined) return { ref, isStatus: false };
  if (ref.name !== 'status') throw notFound(`there is no subresource ${ref.name}`);
  return { ref: { resource: { ...ref.resource, plural }, namespace: ref.namespace, name }, isStatus: true };
}

/** Throws KubeError 409 if the given uid or version is not that of the object. */
export function requireSame(
  ref: ObjectRef,
  { metadata }: KubeObject,
  wanted: { readonly uid?: string; readonly resourceVersion?: string },
): void {
  if (wanted.uid && wanted.uid !== metadata.uid) {
    throw conflict(`${shown(ref)}: the UID in the precondition is not the object's`);
  }
  if (wanted.resourceVersion && wanted.resourceVersion !== metadata.resourceVersion) {
    throw conflict(`${shown(ref)}: the object has been modified`);
  }
}

/** Checks a server-side apply, in which the uid is an immutable field. Throws KubeError 409 or 422. */
export function requireApplicable(
  ref: ObjectRef,
  former: KubeObject,
  { uid, resourceVersion }: { readonly uid?: string; readonly resourceVersion?: string },
): void {
  requireSame(ref, former, resourceVersion ? { resourceVersion } : {});
  if (uid && uid !== former.metadata.uid) {
    throw invalid(`${shown(ref)} is invalid: metadata.uid: field is immutable`);
  }
}
