/**
 * The reasons as the leader would give them now: one for each validator, namespace or object that something was not
 * done for. Pure.
 */
import { describeReason, REASONS, type Reason } from '../peers/reasons.ts';
import type { Key } from '../peers/world.ts';
import { planPublish } from '../reconciler/publish.ts';
import { reasonsNow } from '../reconciler/reasons-now.ts';
import { type GroupPlan, planRollout } from '../reconciler/rollout.ts';
import { rolloutSettings } from '../wiring.ts';
import { type Asked, rolloutInput } from './asked.ts';

export interface Decided {
  readonly plans: ReadonlyMap<string, GroupPlan>;
  /** The one reason that counts, by what it is about. */
  readonly reasons: ReadonlyMap<Key, Reason>;
}

/** What the leader would do and not do now. */
export function decideNow(asked: Asked): Decided {
  const { world, discovery, settings, nowMs } = asked;
  const plans = planRollout(rolloutInput(asked));
  const published = planPublish(world, discovery, rolloutSettings(settings), nowMs);
  const reasons = reasonsNow(asked, published, plans);
  return { plans, reasons };
}

/** A reason as a program reads it. */
export interface ToldReason {
  readonly code: string;
  readonly sentence: string;
  readonly release: string;
}

export const toldReason = (why: Reason): ToldReason => ({
  code: why.code,
  sentence: describeReason(why),
  release: REASONS[why.code].release,
});
