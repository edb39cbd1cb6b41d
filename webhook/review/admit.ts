/**
 * One pod of a known validator → what admission answers. Pure: who the validator is, and whether to wait
 * for its view, is settled before.
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

/** What became of a review, as a metric label. */
export type Result = 'patched' | 'unchanged' | `skipped:${ReasonCode}` | 'rejected' | 'failed';

export interface Outcome {
  readonly result: Result;
  readonly operations: readonly PatchOperation[];
  /** Shown to the creator of the pod. */
  readonly warnings: readonly Reason[];
  /** True if a policy may refuse the pod for its sidecar: asked about again, the pod gets none. */
  readonly isTried?: boolean;
}

/** Codes that tell of no mistake, so the creator of the pod is not warned of them. */
const SILENT: ReadonlySet<ReasonCode> = new Set(['OptedOut', 'UnknownOwner', 'ReadReplica']);

/** The answer without a patch, and for which reason. */
export const skipped = (why: Reason): Outcome => ({
  result: `skipped:${why.code}`,
  operations: [],
  warnings: SILENT.has(why.code) ? [] : [why],
});

/** The answer to a review that is none of our business. */
export const UNCHANGED: Outcome = { result: 'unchanged', operations: [], warnings: [] };

/** How the peers come into the configuration that stellar-core reads, for all validators. */
export interface MergeSettings {
  readonly mode: MergeMode;
  readonly listKey: PeerListKey;
  readonly reload: ReloadMode;
}

export const MERGE_DEFAULTS: MergeSettings = { mode: 'auto', listKey: 'auto', reload: 'auto' };

/** What is known of the validator whose pod it is, and how it is to be admitted. */
export interface Admission {
  readonly node: string;
  readonly optedOut: boolean;
  /** The view that the pod starts with. */
  readonly stamp: Stamp;
  /** The StellarNode's `stellar.org/peer-config`. */
  readonly config?: string | undefined;
  /** `stellar.org/peer-reload` of the StellarNode, or of its Namespace. */
  readonly peerReload?: PeerReload | undefined;
  /** Whether the sidecar may be tried in a pod that a policy may refuse for it. */
  readonly risk?: Risk;
  readonly merging?: MergeSettings;
  /** True on mainnet, testnet and futurenet. */
  readonly isPublic?: boolean | undefined;
}

/** A pod, and what injection makes of it as long as nothing else opts out. */
export interface Subject {
  readonly pod: Fields;
  readonly shape: PodShape;
  readonly decision: InjectionDecision;
}

/** Reads a pod of validator `node`: once a review, since that is a good part of what a review costs. */
export function readSubject(pod: Fields, node: string): Subject {
  const shape = podShapeOf(pod);
  return { pod, shape, decision: decideInjection(shape, { node, optedOut: false }) };
}

/** What admission does to a pod of a validator, stamped with the view that it starts with. */
export const admit = (pod: Fields, admission: Admission): Outcome =>
  admitSubject(readSubject(pod, admission.node), admission);

/** The same for a pod that was read for that validator before. */
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

/** The outcome with a part of the settings switched off, and with these warnings more. */
function without(
  off: Partial<MergeSettings>,
  why: readonly Reason[],
  { subject, admission }: { subject: Subject; admission: Admission },
): Outcome {
  const merging = { ...MERGE_DEFAULTS, ...admission.merging, ...off };
  const outcome = admitSubject(subject, { ...admission, merging });
  // A pod that is skipped all the same has been given its reason already.
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
