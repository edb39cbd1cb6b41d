/** The text of `stellar-peers status` for a World that was read. */
import { askedOf } from '../../../cli/asked.ts';
import { renderStatus } from '../../../cli/status.ts';
import { statusReport } from '../../../cli/status-report.ts';
import type { Reason } from '../../../peers/reasons.ts';
import type { World } from '../../../peers/world.ts';
import { readSettings } from '../../../settings.ts';
import { NOW_MS } from '../reconciler/group.ts';

interface Options {
  readonly reasons?: ReadonlyMap<string, Reason>;
  readonly env?: Readonly<Record<string, string>>;
  readonly isWide?: boolean;
  readonly namespace?: string;
}

/** What a person sees, without colours. */
export function statusText(world: World, options: Options = {}): string {
  const { reasons = new Map(), env = {}, isWide = false, namespace } = options;
  const asked = askedOf(world, readSettings(env), NOW_MS);
  const report = statusReport(asked, { plans: new Map(), reasons }, namespace);
  return renderStatus(report, { isWide, paint: (_, text) => text });
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
