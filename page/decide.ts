/** Computes the content of the status page from a replica's caches, by the pure modules of the leader. */
import { connectionsIn } from '../reconciler/plan/publish/overview.ts';
import { publishSteps } from '../reconciler/plan/publish/publish.ts';
import { quorumSteps } from '../reconciler/plan/quorum/quorum-units.ts';
import type { RolloutSettings } from '../reconciler/plan/restarts/rollout.ts';
import { decide } from '../reconciler/plan/status/validator-status.ts';
import type { Clock } from '../runtime/clock.ts';
import type { MembershipCache } from '../runtime/kube/membership.ts';
import { inSlices } from '../runtime/slices.ts';
import { type Snapshot, takeSnapshot } from './snapshot.ts';

export interface DecideOptions {
  readonly memberships: MembershipCache;
  readonly clock: Clock;
  readonly settings: RolloutSettings;
}

/** The snapshot as of now. */
export async function snapshotNow(options: DecideOptions): Promise<Snapshot> {
  const { memberships, clock, settings } = options;
  const { world } = memberships;
  const { ownNamespace } = settings;
  const membership = { discovery: memberships.discovery(), views: memberships.views() };
  await inSlices(clock, quorumSteps(world));
  const published = await inSlices(
    clock,
    publishSteps(membership, () => ({
      ...{ world, ownNamespace, nowMs: clock.nowMs() },
      connections: connectionsIn(world.configMaps.get(ownNamespace)),
    })),
  );
  const moment = { world, discovery: memberships.discovery(), nowMs: clock.nowMs() };
  return takeSnapshot({ ...decide(moment, published, settings), ownNamespace });
}
