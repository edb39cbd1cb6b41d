/**
 * Every reason as whoever does not lead can give it: of the leader's memory nothing is known, so it is taken as if the
 * leader had watched for long. Pure; `stellar-peers status` and the status page agree since both ask here.
 */
import type { Discovery } from '../peers/discover.ts';
import type { Reason } from '../peers/reasons.ts';
import type { Key, World } from '../peers/world.ts';
import { liveDigests } from './liveness.ts';
import type { PublishPlan } from './publish.ts';
import { mergeRemarks } from './remarks.ts';
import type { GroupPlan, RolloutInput, RolloutSettings } from './rollout.ts';
import { planServices } from './services.ts';

/** What is decided on: a cluster at one time. */
export interface Moment {
  readonly world: World;
  readonly discovery: Discovery;
  readonly nowMs: number;
}

/** What the restart rules take, with nothing remembered: the membership is quiet, and everybody ran lately. */
export function withoutMemory({ world, discovery, nowMs }: Moment, settings: RolloutSettings): RolloutInput {
  const live = liveDigests(world, discovery);
  return {
    world,
    discovery,
    settings,
    nowMs,
    quiet: () => ({ quietMs: Number.POSITIVE_INFINITY, changingMs: 0 }),
    liveness: { isLive: (digest) => live.has(digest), wasLive: () => true },
  };
}

/** One reason per StellarNode, as the leader gives them; what was refused to the leader alone is not among them. */
export function reasonsNow(
  { world, discovery }: Pick<Moment, 'world' | 'discovery'>,
  published: Pick<PublishPlan, 'reports'>,
  plans: ReadonlyMap<string, GroupPlan>,
): Map<Key, Reason> {
  return new Map([
    ...discovery.remarks,
    ...mergeRemarks(world, discovery),
    ...planServices(world, discovery).reports,
    ...published.reports,
    ...[...plans.values()].flatMap((plan) => [...plan.remarks, ...plan.holds]),
    ...discovery.skipped,
  ]);
}
