/** The sums over many histories. */
import type { Result } from './history.ts';

export interface Tally {
  seeds: number;
  virtualMs: number;
  events: number;
  bump: number;
  delete: number;
  defused: number;
  held: Record<string, number>;
  /** For how long each reason was shown, in ms, summed over all validators. */
  shownMs: Record<string, number>;
  problems: Array<{ readonly seed: number; readonly code: string; readonly message: string }>;
}

export const emptyTally = (): Tally => ({
  seeds: 0,
  virtualMs: 0,
  events: 0,
  bump: 0,
  delete: 0,
  defused: 0,
  held: {},
  shownMs: {},
  problems: [],
});

/** Adds the result of one history. */
export function addResult(tally: Tally, result: Result): void {
  const { seed, problem, virtualMs, events, restarts, held, shownMs } = result;
  tally.seeds += 1;
  tally.virtualMs += virtualMs;
  tally.events += events;
  tally.bump += restarts.bump;
  tally.delete += restarts.delete;
  tally.defused += restarts.defused;
  addAll(tally.held, held);
  addAll(tally.shownMs, shownMs);
  if (problem) tally.problems.push({ seed, ...problem });
}

function addAll(sums: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [code, count] of Object.entries(more)) sums[code] = (sums[code] ?? 0) + count;
}

/** Adds the tally of another thread. */
export function addTally(tally: Tally, other: Tally): void {
  for (const key of ['seeds', 'virtualMs', 'events', 'bump', 'delete', 'defused'] as const)
    tally[key] += other[key];
  addAll(tally.held, other.held);
  addAll(tally.shownMs, other.shownMs);
  tally.problems.push(...other.problems);
}

/** The table that a run prints. */
export function describeTally(tally: Tally): string {
  const held = Object.entries(tally.held).sort(([, a], [, b]) => b - a);
  const shown = Object.entries(tally.shownMs).sort(([, a], [, b]) => b - a);
  const waiting = held.reduce((sum, [, count]) => sum + count, 0);
  const done = tally.bump + tally.delete - tally.defused;
  const rows: ReadonlyArray<readonly [string, string | number]> = [
    ['histories', tally.seeds],
    ['simulated hours', (tally.virtualMs / 3_600_000).toFixed(1)],
    ['events', tally.events],
    ['restarts wanted', done + waiting],
    ['restarts done', `${done} (${tally.bump - tally.defused} by bump, ${tally.delete} by delete)`],
    ['bumps taken back', tally.defused],
    ['held in the end', waiting],
    ...held.map(([code, count]) => [`  ${code}`, count] as const),
    ['shown, in hours', ''],
    ...shown.map(([code, ms]) => [`  ${code}`, (ms / 3_600_000).toFixed(2)] as const),
    ['invariants broken', tally.problems.length],
  ];
  return rows.map(([name, value]) => `${name.padEnd(26)} ${value}`).join('\n');
}
