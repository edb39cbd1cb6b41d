/**
 * Answers one review: finds the validator of the pod, waits for a new network if necessary, and decides on the injection.
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
 * The answer to `review`. It is a promise only if the pod waits for a new network to become stable; all other answers
 * are immediate.
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
  // Answer at once if the pod itself rules out injection, for a dry run, and for a review too large to keep in memory.
  const subject = readSubject(pod, ref.name);
  if (subject.decision.kind === 'skip') return skipped(subject.decision.reason);
  const decide = () => {
    const wasTried = tried.has(review.namespace, review.name);
    const risk = riskOf(review, wasTried);
    const outcome = answerNow(subject, review.namespace, ref, { memberships, merging, risk });
    const isTrial = (outcome.isTried || wasTried) && !review.dryRun;
    if (isTrial && isTrustedOwner(memberships, ref)) tried.add(review.namespace, review.name);
    return outcome;
  };
  if (review.dryRun || review.length > LARGE_BYTES || isOptedOut(memberships, ref, review.namespace))
    return decide();
  const held = holds.hold(ref, review.length);
  return held instanceof Promise ? held.then(decide) : decide();
}

/** No second review follows a dry run, so its first answer must be a pod that no policy refuses. */
const riskOf = ({ dryRun }: Review, wasTried: boolean): Risk =>
  wasTried ? 'never' : dryRun ? 'asked' : 'once';

/**
 * True if the pod names the UID of the validator's StatefulSet. Any program that reaches the port can send a review, but a
 * stranger does not know that UID. If the StatefulSet is not in the caches, every review counts: otherwise a pod that a
 * policy refuses because of the sidecar would get the sidecar each time.
 */
const isTrustedOwner = ({ world }: MembershipReader, ref: OwnerRef): boolean =>
  !world.statefulSets.has(ref.key) || ownerOf(world, ref).kind === 'validator';

/** The answer, from the caches as they are now. After a wait they may differ. */
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
    // If nothing is published yet, the file appears in the optional volume later. The empty stamp tells the reconciler
    // that the pod started without peers.
    stamp: memberships.published(ref.key) ?? EMPTY_STAMP,
    config: validator?.config,
    peerReload: validator?.peerReload ?? memberships.world.namespaces.get(namespace)?.peerReload,
    isPublic: validator?.network.isPublic,
    ...{ merging, risk },
  });
}

/** True if the StellarNode's annotation or the Namespace's label opts out. An object that is not in the caches does not. */
function isOptedOut(memberships: MembershipReader, ref: OwnerRef, namespace: string): boolean {
  const label = memberships.world.namespaces.get(namespace)?.labels[INJECTION];
  return optsOut(validatorOf(memberships, ref)?.injection) || optsOut(label);
}

function validatorOf({ world }: MembershipReader, { key }: OwnerRef) {
  const reading = world.nodes.get(key);
  return reading?.kind === 'validator' ? reading.validator : undefined;
}
