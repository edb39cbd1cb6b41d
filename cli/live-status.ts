/**
 * `stellar-peers status` against a cluster: reads everything once, decides as the leader would, prints.
 */
import { planPublish } from '../reconciler/publish.ts';
import { reasonsNow } from '../reconciler/reasons-now.ts';
import { planRollout } from '../reconciler/rollout.ts';
import type { Settings } from '../settings.ts';
import { rolloutSettings } from '../wiring.ts';
import { askCluster, rolloutInput, type Target } from './asked.ts';
import { renderStatus } from './status.ts';

/** The status table of the cluster. Rejects with KubeError where it cannot be read. */
export async function liveStatus(settings: Settings, target: Target): Promise<string> {
  const asked = await askCluster(settings, target);
  const { world, discovery } = asked;
  const published = planPublish(world, discovery, rolloutSettings(settings), asked.nowMs);
  const reasons = reasonsNow(asked, published, planRollout(rolloutInput(asked, settings)));
  return renderStatus({ world, discovery, reasons, ownNamespace: settings.namespace });
}
