/**
 * One review → what admission answers: whose pod it is, whether it waits for its network, what is injected.
 */
import { optsOut } from '../../peers/injection/inject.ts';
import { isPreflight } from '../../peers/injection/preflight-review.ts';
import type { Risk } from '../../peers/injection/reload.ts';
import { INJECTION, PREFLIGHT_NODE } from '../../peers/names.ts';
import { reason } from '../../peers/reasons/reasons.ts';
import type { MembershipReader } from '../../runtime/kube/membership.ts';
import type { PendingReviews } from '../hold/pending-reviews.ts';
import { LARGE_BYTES } from '../http/limits.ts';
import { EMPTY_STAMP } from '../patch/patch.ts';
import {
  admit,
  admitSubject,
  type MergeSettings,
  type Outcome,
  readSubject,
  type Subject,
  skipped,
  UNCHANGED,
} from './admit.ts';
import { type OwnerRef, ownerOf, ownerRefOf } from './owner.ts';
import type { Review } from './review.ts';
import type { TriedPods } from './tried-pods.ts';

export interface MutateEdges {
  readonly memberships: MembershipReader;
  readonly holds: PendingReviews;
  readonly tried: TriedPods;
  readonly ownNamespace: string;
  readonly merging: MergeSettings;
}

/**
 * The answer to `review`; a promise only where the pod waits for a young network to settle, so that a caller cannot take what
 * is decided at once for what was decided after a wait.
 */
export function mutate(
  review: Review,
  { memberships, holds, tried, ownNamespace, merging }: MutateEdges,
): Outcome | Promise<Outcome> {
  if (!review.isPodCreate) return UNCHANGED;
  const { pod } = review;
  if (isPreflight(review, ownNamespace)) {
    return admit(pod, { node: PREFLIGHT_NODE, optedOut: false, stamp: EMPTY_STAMP });
  }
  const ref = ownerRefOf(pod, review.namespace);
  if (!ref) return skipped(reason('UnknownOwner'));
  // What the pod itself rules out needs no waiting, a dry run never starts, and what is large is not kept in memory.
  const subject = readSubject(pod, ref.name);
  if (subject.decision.kind === 'skip') return skipped(subject.decision.reason);
  const decide = () => {
    const wasTried = tried.has(review.namespace, review.name);
    const risk = riskOf(review, wasTried);
    const outcome = answerNow(subject, review.namespace, ref, { memberships, merging, risk });
    const isNoted = (outcome.isTried || wasTried) && !review.dryRun;
    if (isNoted && isBelieved(memberships, ref)) tried.add(review.namespace, review.name);
    return outcome;
  };
  if (review.dryRun || review.length > LARGE_BYTES || isOptedOut(memberships, ref, review.namespace))
    return decide();
  const held = holds.hold(ref, review.length);
  return held instanceof Promise ? held.then(decide) : decide();
}

/** A dry run is not asked about again, so it has to show a pod that no policy refuses. */
const riskOf = ({ dryRun }: Review, wasTried: boolean): Risk =>
  wasTried ? 'never' : dryRun ? 'asked' : 'once';

/**
 * A program that reaches the port may name any validator, so it must know the UID of that validator's StatefulSet. Where
 * the caches show none, each review counts: else a pod that is refused with the sidecar would get one for ever.
 */
const isBelieved = ({ world }: MembershipReader, ref: OwnerRef): boolean =>
  !world.statefulSets.has(ref.key) || ownerOf(world, ref).kind === 'validator';

/** The answer by the caches as they are now: before and after a wait they differ. */
function answerNow(
  subject: Subject,
  namespace: string,
  ref: OwnerRef,
  { memberships, merging, risk }: { memberships: MembershipReader; merging: MergeSettings; risk: Risk },
): Outcome {
  const owner = ownerOf(memberships.world, ref);
  if (owner.kind === 'none') return skipped(owner.reason);
  if (owner.kind === 'pending') return skipped(reason('UnknownOwner'));
  const validator = validatorOf(memberships, ref);
  return admitSubject(subject, {
    node: ref.name,
    optedOut: isOptedOut(memberships, ref, namespace),
    // The volume is optional: what is not published yet appears in the mount later, and the reconciler
    // sees by the empty stamp what the pod started with.
    stamp: memberships.published(ref.key) ?? EMPTY_STAMP,
    config: validator?.config,
    peerReload: validator?.peerReload ?? memberships.world.namespaces.get(namespace)?.peerReload,
    isPublic: validator?.network.isPublic,
    ...{ merging, risk },
  });
}

/** What the StellarNode's annotation and the Namespace's label say; what is not in the caches says nothing. */
function isOptedOut(memberships: MembershipReader, ref: OwnerRef, namespace: string): boolean {
  const label = memberships.world.namespaces.get(namespace)?.labels[INJECTION];
  return optsOut(validatorOf(memberships, ref)?.injection) || optsOut(label);
}

function validatorOf({ world }: MembershipReader, { key }: OwnerRef) {
  const reading = world.nodes.get(key);
  return reading?.kind === 'validator' ? reading.validator : undefined;
}
