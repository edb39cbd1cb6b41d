/**
 * `stellar-peers status` against a cluster: reads everything once, decides as the leader would, prints.
 */
import type { Reason } from '../peers/reasons.ts';
import type { Key } from '../peers/world.ts';
import { planPublish } from '../reconciler/publish.ts';
import { mergeRemarks } from '../reconciler/remarks.ts';
import { planRollout } from '../reconciler/rollout.ts';
import { planServices } from '../reconciler/services.ts';
import type { Settings } from '../settings.ts';
import { rolloutSettings } from '../wiring.ts';
import { type Asked, askCluster, rolloutInput, type Target } from './asked.ts';
import { renderStatus } from './status.ts';

/** The status table of the cluster. Rejects with KubeError where it cannot be read. */
export async function liveStatus(settings: Settings, target: Target): Promise<string> {
  const asked = await askCluster(settings, target);
  const { world, discovery } = asked;
  const reasons = reasonsNow(asked, settings);
  return renderStatus({ world, discovery, reasons, ownNamespace: settings.namespace });
}

/** The reasons as the leader would give them now. */
function reasonsNow(asked: Asked, settings: Settings): Map<Key, Reason> {
  const { world, discovery, nowMs } = asked;
  const plans = planRollout(rolloutInput(asked, settings));
  return new Map([
    ...discovery.remarks,
    ...mergeRemarks(world, discovery),
    ...planServices(world, discovery).reports,
    ...planPublish(world, discovery, rolloutSettings(settings), nowMs).reports,
    ...[...plans.values()].flatMap((plan) => [...plan.remarks, ...plan.holds]),
    ...discovery.skipped,
  ]);
}
