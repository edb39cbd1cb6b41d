/**
 * One pod of a known validator → what admission answers. Pure: who the validator is, and whether to wait
 * for its view, is settled before.
 */
import type { Fields } from '../peers/field.ts';
import { decideInjection } from '../peers/inject.ts';
import { podShapeOf } from '../peers/pod-shape.ts';
import { type Reason, type ReasonCode, reason } from '../peers/reasons.ts';
import { buildPatch, type PatchOperation, type Stamp } from './patch.ts';

/** What became of a review, as a metric label. */
export type Result = 'patched' | 'unchanged' | `skipped:${ReasonCode}` | 'rejected' | 'failed';

export interface Outcome {
  readonly result: Result;
  readonly operations: readonly PatchOperation[];
  /** Shown to whoever creates the pod. */
  readonly warnings: readonly Reason[];
}

/** Codes that are nobody's mistake, so whoever creates the pod is not warned of them. */
const SILENT: ReadonlySet<ReasonCode> = new Set(['OptedOut', 'UnknownOwner']);

/** The answer without a patch, and for which reason. */
export const skipped = (why: Reason): Outcome => ({
  result: `skipped:${why.code}`,
  operations: [],
  warnings: SILENT.has(why.code) ? [] : [why],
});

/** The answer to a review that is none of our business. */
export const UNCHANGED: Outcome = { result: 'unchanged', operations: [], warnings: [] };

/** What admission does to a pod of validator `node`, stamped with the view that it starts with. */
export function admit(
  pod: Fields,
  { node, optedOut, stamp }: { node: string; optedOut: boolean; stamp: Stamp },
): Outcome {
  const decision = decideInjection(podShapeOf(pod), { node, optedOut });
  if (decision.kind === 'skip') return skipped(decision.reason);
  const patch = buildPatch(pod, decision, { node, stamp });
  if (patch.kind === 'doubt') return skipped(reason('UnreadablePod', patch.what));
  const { operations } = patch;
  return {
    result: operations.length === 0 ? 'unchanged' : 'patched',
    operations,
    warnings: decision.warnings,
  };
}
