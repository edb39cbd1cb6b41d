/**
 * Our operations applied by a library that validates: for the self-check and for preview, never per request.
 */
import jsonpatch from 'fast-json-patch';
import type { PatchOperation } from './patch.ts';

/** A copy of `object` with the operations applied. Throws JsonPatchError where one does not apply. */
export function applied<T>(object: T, operations: readonly PatchOperation[]): T {
  // The library puts values in as they are, and later operations change them; ours are shared by many pods.
  const patch = structuredClone(operations) as jsonpatch.Operation[];
  return jsonpatch.applyPatch(structuredClone(object), patch, true).newDocument;
}
