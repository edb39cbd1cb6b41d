/** The text of `stellar-peers status` for a World that was read. */

import { readSettings } from '../../../app/settings.ts';
import { decideNow } from '../../../cli/commands/current-reasons.ts';
import { renderStatus } from '../../../cli/commands/status.ts';
import { reasonsIn, statusReport } from '../../../cli/commands/status-report.ts';
import { evaluateWorld } from '../../../cli/snapshot.ts';
import { groupedReasons } from '../../../peers/reasons/reason-groups.ts';
import type { World } from '../../../peers/world.ts';
import { NOW_MS } from '../reconciler/group.ts';

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly isWide?: boolean;
}

/** What a person sees, without colours. */
export function statusText(world: World, options: Options = {}): string {
  const { env = {}, isWide = false } = options;
  const cluster = decideNow(evaluateWorld(world, readSettings(env), NOW_MS));
  const report = statusReport(cluster);
  return renderStatus(report, groupedReasons(reasonsIn(cluster)), {
    isWide,
    paint: (_, text) => text,
  });
}

/** The rows of the table of validators, cell by cell, its heading first. */
export function validatorRows(text: string): string[][] {
  const [rows = ''] = text.split(/^(?=NETWORK +NAMESPACE)/m).slice(-1);
  const [block = ''] = rows.split('\n\n');
  return block
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
}
