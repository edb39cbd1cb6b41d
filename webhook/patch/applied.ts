/**
 * Applies our operations with a library that validates them. For `preview` only, never for a review.
 */
import jsonpatch from 'fast-json-patch';
import type { PatchOperation } from '../../runtime/kube/port.ts';

/** A copy of `object` with the operations applied. Throws JsonPatchError where one does not apply. */
export function applied<T>(object: T, operations: readonly PatchOperation[]): T {
  // Written and parsed, because an operation may hold text that is JSON already (JSON.rawJSON).
  const patch: jsonpatch.Operation[] = JSON.parse(JSON.stringify(operations));
  return jsonpatch.applyPatch(structuredClone(object), patch, true).newDocument;
}
