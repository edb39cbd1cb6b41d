/**
 * `stellar-peers status` against a cluster: reads everything once, decides as the leader would, prints.
 */
import { type Discovery, discover } from '../peers/discover.ts';
import type { Reason } from '../peers/reasons.ts';
import type { Key, World } from '../peers/world.ts';
import { liveDigests } from '../reconciler/liveness.ts';
import { planPublish } from '../reconciler/publish.ts';
import { mergeRemarks } from '../reconciler/remarks.ts';
import { planRollout } from '../reconciler/rollout.ts';
import { planServices } from '../reconciler/services.ts';
import { systemClock } from '../runtime/clock.ts';
import { createKube, loadKubeConfig } from '../runtime/kube-client.ts';
import { readLive } from '../runtime/live.ts';
import { listed, type Settings } from '../settings.ts';
import { rolloutSettings } from '../wiring.ts';
import { renderStatus } from './status.ts';

const TIMEOUT_MS = 15_000;

/** The status table of the cluster. Rejects with KubeError where it cannot be read. */
export async function liveStatus(
  settings: Settings,
  target: { path?: string; context?: string },
): Promise<string> {
  const kube = createKube(loadKubeConfig(target), {
    timeoutMs: TIMEOUT_MS,
    userAgent: 'stellar-peers-status',
  });
  const scope = { ownNamespace: settings.namespace, watchNamespaces: listed(settings.watchNamespaces) };
  const { world } = await readLive(kube, scope);
  const discovery = discover(world, settings);
  return renderStatus({
    world,
    discovery,
    reasons: reasonsNow(world, discovery, settings),
    ownNamespace: settings.namespace,
  });
}

/**
 * The reasons as the leader would give them now. What only the leader remembers (how quiet the membership has
 * been, who ran within ten minutes) is taken at its most cautious.
 */
function reasonsNow(world: World, discovery: Discovery, settings: Settings): Map<Key, Reason> {
  const live = liveDigests(world, discovery);
  const nowMs = systemClock.nowMs();
  const plans = planRollout({
    world,
    discovery,
    settings: rolloutSettings(settings),
    nowMs,
    quietMs: () => Number.POSITIVE_INFINITY,
    liveness: { isLive: (digest) => live.has(digest), wasLive: () => true },
  });
  return new Map([
    ...discovery.remarks,
    ...mergeRemarks(world, discovery),
    ...planServices(world, discovery).reports,
    ...planPublish(world, discovery, rolloutSettings(settings), nowMs).reports,
    ...[...plans.values()].flatMap((plan) => [...plan.holds]),
    ...discovery.skipped,
  ]);
}
