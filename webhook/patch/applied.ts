/**
 * Applies a patch of ours with a library that validates its operations. For `preview` only, never for a review.
 */
import jsonpatch from 'fast-json-patch';
import type { PatchOperation } from '../../runtime/kube/port.ts';

/** A copy of `object` with the operations applied. Throws JsonPatchError where one does not apply. */
export function applied<T>(object: T, operations: readonly PatchOperation[]): T {
  // A value may be a JSON.rawJSON object. Writing and parsing turns it into the text that the API server would receive.
  const patch: jsonpatch.Operation[] = JSON.parse(JSON.stringify(operations));
  return jsonpatch.applyPatch(structuredClone(object), patch, true).newDocument;
}
