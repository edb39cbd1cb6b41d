/**
 * The answer of admission for a pod of a known validator. Pure. The caller has found the validator, and has waited for its
 * view if necessary.
 */
import type { Fields } from '../../peers/field.ts';
import { decideInjection, type Injection, type InjectionDecision } from '../../peers/injection/inject.ts';
import {
  decideMerge,
  type MergeDecision,
  type MergeMode,
  type PeerListKey,
  type SiblingShare,
} from '../../peers/injection/merge.ts';
import { decideReload, type PeerReload, type ReloadMode, type Risk } from '../../peers/injection/reload.ts';
import { type PodShape, podShapeOf } from '../../peers/read/pod-shape.ts';
import { type Reason, type ReasonCode, reason } from '../../peers/reasons/reasons.ts';
import type { PatchOperation } from '../../runtime/kube/port.ts';
import { buildPatch, type Stamp } from '../patch/patch.ts';

/** The result of a review, as a metric label. */
export type Result = 'patched' | 'unchanged' | `skipped:${ReasonCode}` | 'rejected' | 'failed';

export interface Outcome {
  readonly result: Result;
  readonly operations: readonly PatchOperation[];
  /** Shown to the creator of the pod. */
  readonly warnings: readonly Reason[];
  /** True if a policy may refuse the pod because of its sidecar. In the next review the pod then gets no sidecar. */
  readonly isTried?: boolean;
}

/** Codes that are no mistake, so the creator of the pod gets no warning. */
const SILENT: ReadonlySet<ReasonCode> = new Set(['OptedOut', 'UnknownOwner', 'ReadReplica']);

/** The answer without a patch, with its reason. */
export const skipped = (why: Reason): Outcome => ({
  result: `skipped:${why.code}`,
  operations: [],
  warnings: SILENT.has(why.code) ? [] : [why],
});

/** The answer to a review that does not concern us. */
export const UNCHANGED: Outcome = { result: 'unchanged', operations: [], warnings: [] };

/** The settings for all validators about merging peers into stellar-core's configuration. */
export interface MergeSettings {
  readonly mode: MergeMode;
  readonly listKey: PeerListKey;
  readonly reload: ReloadMode;
}

export const MERGE_DEFAULTS: MergeSettings = { mode: 'auto', listKey: 'auto', reload: 'auto' };

/** The pod's validator as far as it is known, and the settings for its admission. */
export interface Admission {
  readonly node: string;
  readonly optedOut: boolean;
  /** The view that the pod starts with. */
  readonly stamp: Stamp;
  /** The StellarNode's `stellar.org/peer-config`. */
  readonly config?: string | undefined;
  /** `stellar.org/peer-reload` of the StellarNode, or of its Namespace. */
  readonly peerReload?: PeerReload | undefined;
  /** Whether to add the sidecar although a policy may refuse the pod because of it. */
  readonly risk?: Risk;
  readonly merging?: MergeSettings;
  /** True on mainnet, testnet and futurenet. */
  readonly isPublic?: boolean | undefined;
}

/** A pod, and the decision about its injection if neither StellarNode nor Namespace opts out. */
export interface Subject {
  readonly pod: Fields;
  readonly shape: PodShape;
  readonly decision: InjectionDecision;
}

/** Reads a pod of validator `node`. Call it once a review, because it takes a good part of the review's time. */
export function readSubject(pod: Fields, node: string): Subject {
  const shape = podShapeOf(pod);
  return { pod, shape, decision: decideInjection(shape, { node, optedOut: false }) };
}

/** Admits a pod of a validator. */
export const admit = (pod: Fields, admission: Admission): Outcome =>
  admitSubject(readSubject(pod, admission.node), admission);

/** Admits a pod that readSubject has read for the same validator. */
export function admitSubject(subject: Subject, admission: Admission): Outcome {
  const { node, optedOut, stamp } = admission;
  const { pod, shape } = subject;
  const decision = optedOut ? decideInjection(shape, { node, optedOut }) : subject.decision;
  if (decision.kind === 'skip') return skipped(decision.reason);
  const merged = mergeOf(shape, decision.main, admission);
  const { merge, isMerged } = merged;
  const { reload, warnings, isTried } = reloadOf(shape, decision, merged, admission);
  const patch = buildPatch(pod, decision, { node, stamp, merge, isMerged, reload });
  if (patch.kind === 'conflict' && reload) {
    const why = admission.peerReload === 'on' ? [reason('ReloadLeftOut', patch.what)] : [];
    return without({ reload: 'off' }, why, { subject, admission });
  }
  if (patch.kind === 'conflict' && (merge || isMerged))
    return without({ mode: 'off' }, [reason('ConfigNotReplaceable', patch.what)], { subject, admission });
  if (patch.kind === 'conflict') return skipped(reason('UnreadablePod', patch.what));
  const { operations } = patch;
  return {
    result: operations.length === 0 ? 'unchanged' : 'patched',
    operations,
    ...(isTried ? { isTried } : {}),
    warnings: [...decision.warnings, ...merged.warnings, ...warnings],
  };
}

/** The outcome with a part of the settings switched off, and with additional warnings. */
function without(
  off: Partial<MergeSettings>,
  why: readonly Reason[],
  { subject, admission }: { subject: Subject; admission: Admission },
): Outcome {
  const merging = { ...MERGE_DEFAULTS, ...admission.merging, ...off };
  const outcome = admitSubject(subject, { ...admission, merging });
  // If the pod is skipped even so, its own reason is enough.
  if (outcome.result.startsWith('skipped:')) return outcome;
  return { ...outcome, warnings: [...outcome.warnings, ...why] };
}

function mergeOf(shape: PodShape, index: number, { config, merging = MERGE_DEFAULTS, isPublic }: Admission) {
  const main = shape.containers[index];
  const found = main && decideMerge(shape, main, { annotation: config, mode: merging.mode });
  const share: SiblingShare = isPublic ? 'half' : 'all';
  return {
    found: found ?? NOT_MERGED,
    merge: found?.kind === 'merge' ? { place: found, listKey: merging.listKey, share } : undefined,
    isMerged: found?.kind === 'merged',
    warnings: found?.kind === 'left' ? [found.reason] : [],
  };
}

const NOT_MERGED: MergeDecision = { kind: 'none' };

/** The sidecar. Its creator is told why the pod gets none only if the annotation asks for the sidecar. */
function reloadOf(
  shape: PodShape,
  { main: index, places }: Injection,
  { found: merge, merge: part }: ReturnType<typeof mergeOf>,
  { peerReload: annotation, risk = 'once', merging = MERGE_DEFAULTS }: Admission,
) {
  const main = shape.containers[index];
  const found = main && decideReload(shape, main, { annotation, mode: merging.reload, merge, risk });
  const sidecar = found?.kind === 'add' ? { sidecar: found, places, merge: part } : undefined;
  return {
    reload: sidecar ?? (found?.kind === 'present' ? found.resources : undefined),
    isTried: found?.kind === 'add' && found.isTried,
    warnings: found?.kind === 'left' && annotation === 'on' ? [found.reason] : [],
  };
}
