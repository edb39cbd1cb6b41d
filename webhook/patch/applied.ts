/**
 * Our operations applied by a library that validates: for preview, never per request.
 */
import jsonpatch from 'fast-json-patch';
import type { PatchOperation } from '../../runtime/kube/port.ts';

/** A copy of `object` with the operations applied. Throws JsonPatchError where one does not apply. */
export function applied<T>(object: T, operations: readonly PatchOperation[]): T {
  // As they are sent: a part of them is JSON that is written already.
  const patch: jsonpatch.Operation[] = JSON.parse(JSON.stringify(operations));
  return jsonpatch.applyPatch(structuredClone(object), patch, true).newDocument;
}
