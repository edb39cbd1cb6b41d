/**
 * The reasons as the leader would give them now: one for each validator, namespace or object that something was not
 * done for. Pure.
 */

import { rolloutSettings } from '../../app/wiring-settings.ts';
import { describeReason, type Reason, releaseOf } from '../../peers/reasons/reasons.ts';
import type { Key } from '../../peers/world.ts';
import { connectionsIn } from '../../reconciler/plan/publish/overview.ts';
import { planPublish } from '../../reconciler/plan/publish/publish.ts';
import { type GroupPlan, planRollout } from '../../reconciler/plan/restarts/rollout.ts';
import { currentReasons } from '../../reconciler/plan/status/current-reasons.ts';
import { type ReasonsByKey, withValidatorStates } from '../../reconciler/plan/status/validator-state.ts';
import { type ClusterSnapshot, rolloutInput } from '../snapshot.ts';

export interface Decided {
  readonly plans: ReadonlyMap<string, GroupPlan>;
  /** What each validator is and why things are not done, by what it is about. */
  readonly told: ReasonsByKey;
}

/** What the leader would do and not do now. */
export function decideNow(asked: ClusterSnapshot): Decided {
  const { world, discovery, settings, nowMs } = asked;
  const plans = planRollout(rolloutInput(asked));
  const published = planPublish(world, discovery, rolloutSettings(settings), nowMs);
  const connections = connectionsIn(world.configMaps.get(settings.namespace));
  const told = withValidatorStates(
    { world, discovery, nowMs, connections },
    currentReasons(asked, published, plans),
  );
  return { plans, told };
}

/** A reason as a program reads it. */
export interface ShownReason {
  readonly code: string;
  readonly sentence: string;
  readonly release: string;
}

export const shownReason = (why: Reason, key: Key): ShownReason => ({
  code: why.code,
  sentence: describeReason(why),
  release: releaseOf(why, [key]),
});
