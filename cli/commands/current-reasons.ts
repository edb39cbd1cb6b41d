/** The leader's decisions for a cluster as it is now: the plan, and each reason to wait. Pure. */
import { rolloutSettings } from '../../app/settings.ts';
import { describeReason, type Reason, releaseOf } from '../../peers/reasons/reasons.ts';
import type { Key } from '../../peers/world.ts';
import { type PublishPlan, planPublish } from '../../reconciler/plan/publish/publish.ts';
import { type Decided, decide } from '../../reconciler/plan/status/validator-status.ts';
import type { ClusterSnapshot } from '../snapshot.ts';

/** A snapshot of a cluster, and the decisions that follow from it. */
export type DecidedCluster = ClusterSnapshot & Decided & { readonly published: PublishPlan };

/** Decides as the leader would decide now. */
export function decideNow(snapshot: ClusterSnapshot): DecidedCluster {
  const { world, discovery, nowMs } = snapshot;
  const settings = rolloutSettings(snapshot.settings);
  const published = planPublish(world, discovery, settings, nowMs);
  return { ...snapshot, ...decide(snapshot, published, settings), published };
}

export type ShownReason = ReturnType<typeof shownReason>;

/** A reason in the form of the JSON and YAML output. */
export const shownReason = (why: Reason, key: Key) => ({
  code: why.code,
  sentence: describeReason(why),
  release: releaseOf(why, [key]),
});
