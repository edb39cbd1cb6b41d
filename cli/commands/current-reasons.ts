/**
 * What the leader would do and not do now: one list of reasons for each validator, namespace or object that something
 * was not done for. Pure.
 */

import { rolloutSettings } from '../../app/settings.ts';
import { describeReason, type Reason, releaseOf } from '../../peers/reasons/reasons.ts';
import type { Key } from '../../peers/world.ts';
import { type PublishPlan, planPublish } from '../../reconciler/plan/publish/publish.ts';
import { type Decided, decide } from '../../reconciler/plan/status/validator-status.ts';
import type { ClusterSnapshot } from '../snapshot.ts';

/** What is read of a cluster, and all that follows from it. */
export type DecidedCluster = ClusterSnapshot & Decided & { readonly published: PublishPlan };

/** What the leader would decide now. */
export function decideNow(snapshot: ClusterSnapshot): DecidedCluster {
  const { world, discovery, nowMs } = snapshot;
  const settings = rolloutSettings(snapshot.settings);
  const published = planPublish(world, discovery, settings, nowMs);
  return { ...snapshot, ...decide(snapshot, published, settings), published };
}

export type ShownReason = ReturnType<typeof shownReason>;

/** A reason as a program reads it. */
export const shownReason = (why: Reason, key: Key) => ({
  code: why.code,
  sentence: describeReason(why),
  release: releaseOf(why, [key]),
});
