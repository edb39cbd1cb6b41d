/**
 * `stellar-peers status` against a cluster: reads everything once, decides as the leader would, prints.
 */
import type { Reason } from '../peers/reasons.ts';
import type { Key } from '../peers/world.ts';
import { planPublish } from '../reconciler/publish.ts';
import { mergeRemarks } from '../reconciler/remarks.ts';
import { planRollout } from '../reconciler/rollout.ts';
import { planServices } from '../reconciler/services.ts';
import { rolloutSettings } from '../wiring.ts';
import { type Asked, askCluster, rolloutInput } from './asked.ts';
import type { Call, Command } from './command.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { CLUSTER_FLAGS } from './flags.ts';
import { openSession } from './session.ts';
import { renderStatus } from './status.ts';

export const statusCommand: Command = {
  name: 'status',
  synopsis: '',
  summary: 'validators, what they know, and what waits and why',
  details: '',
  args: { min: 0, max: 0 },
  flags: [...CLUSTER_FLAGS],
  formats: [],
  run: runStatus,
};

async function runStatus(call: Call): Promise<ExitCode> {
  const asked = await askCluster(await openSession(call));
  const { world, discovery, settings } = asked;
  const shown = { world, discovery, reasons: reasonsNow(asked), ownNamespace: settings.namespace };
  call.terminal.print(renderStatus(shown));
  return EXIT.ok;
}

/** The reasons as the leader would give them now. */
function reasonsNow(asked: Asked): Map<Key, Reason> {
  const { world, discovery, settings, nowMs } = asked;
  const plans = planRollout(rolloutInput(asked));
  return new Map([
    ...discovery.remarks,
    ...mergeRemarks(world, discovery),
    ...planServices(world, discovery).reports,
    ...planPublish(world, discovery, rolloutSettings(settings), nowMs).reports,
    ...[...plans.values()].flatMap((plan) => [...plan.remarks, ...plan.holds]),
    ...discovery.skipped,
  ]);
}
