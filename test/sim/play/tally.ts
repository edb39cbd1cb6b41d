/** What many histories came to. */
import type { Result } from './history.ts';

export interface Tally {
  seeds: number;
  virtualMs: number;
  events: number;
  bump: number;
  delete: number;
  defused: number;
  held: Record<string, number>;
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
  problems: [],
});

/** Adds one history. */
export function addResult(tally: Tally, { seed, problem, virtualMs, events, restarts, held }: Result): void {
  tally.seeds += 1;
  tally.virtualMs += virtualMs;
  tally.events += events;
  tally.bump += restarts.bump;
  tally.delete += restarts.delete;
  tally.defused += restarts.defused;
  for (const [code, count] of Object.entries(held)) tally.held[code] = (tally.held[code] ?? 0) + count;
  if (problem) tally.problems.push({ seed, ...problem });
}

/** Adds what another process counted. */
export function addTally(tally: Tally, other: Tally): void {
  for (const key of ['seeds', 'virtualMs', 'events', 'bump', 'delete', 'defused'] as const)
    tally[key] += other[key];
  for (const [code, count] of Object.entries(other.held)) tally.held[code] = (tally.held[code] ?? 0) + count;
  tally.problems.push(...other.problems);
}

/** The table that a run prints. */
export function describeTally(tally: Tally): string {
  const held = Object.entries(tally.held).sort(([, a], [, b]) => b - a);
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
    ['invariants broken', tally.problems.length],
  ];
  return rows.map(([name, value]) => `${name.padEnd(26)} ${value}`).join('\n');
}
