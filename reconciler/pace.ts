/**
 * How fast: windows of time, restarts an hour, and the age of what is to be restarted. Pure.
 */
import { type Reason, reason } from '../peers/reasons.ts';
import type { PodFacts } from '../peers/world.ts';
import { type Entry, happened } from './journal.ts';
import { type Windows, windowAt } from './windows.ts';

const HOUR_MS = 3_600_000;

export interface PaceSettings {
  readonly windows: Windows;
  readonly maxRestartsPerHour: number;
  readonly minRestartIntervalMs: number;
  /** How long a restart takes where the journal knows of none. */
  readonly expectedRestartMs: number;
}

/** Why something waits, and in how many ms that ends by itself, where that is known. */
export interface Wait {
  readonly reason: Reason;
  readonly releasedInMs?: number | undefined;
}

/** How long a restart of this group takes: the longest that the journal has seen end well, else the setting. */
export function restartTakesMs(entries: readonly Entry[], { expectedRestartMs }: PaceSettings): number {
  const took = entries
    .filter(({ outcome, kind }) => outcome === 'done' && kind === 'bump')
    .map(({ atMs, endedAtMs = atMs }) => endedAtMs - atMs);
  return took.length > 0 ? Math.max(...took) : expectedRestartMs;
}

/** What keeps a whole group waiting: no window is open for long enough, or the hour's restarts are spent. */
export function paceWait(entries: readonly Entry[], settings: PaceSettings, nowMs: number): Wait | undefined {
  const window = windowAt(settings.windows, nowMs, restartTakesMs(entries, settings));
  if (window.kind === 'closed') {
    const { opensAtMs } = window;
    if (opensAtMs === undefined) return { reason: reason('OutsideWindow', 'none is long enough') };
    const opens = new Date(opensAtMs).toISOString();
    return { reason: reason('OutsideWindow', `the next opens at ${opens}`), releasedInMs: opensAtMs - nowMs };
  }
  const recent = entries.filter((entry) => happened(entry) && nowMs - entry.atMs < HOUR_MS);
  if (recent.length < settings.maxRestartsPerHour) return undefined;
  const oldestAtMs = Math.min(...recent.map(({ atMs }) => atMs));
  const releasedInMs = recent.length > 0 ? oldestAtMs + HOUR_MS - nowMs : undefined;
  return { reason: reason('HourlyLimit', `${recent.length} in the last hour`), releasedInMs };
}

/** Why pods that are up are too young to be restarted. */
export function ageWait(
  pods: readonly PodFacts[],
  { minRestartIntervalMs }: PaceSettings,
  nowMs: number,
): Wait | undefined {
  const youngestAtMs = Math.max(0, ...pods.map(({ createdAtMs }) => createdAtMs));
  const leftMs = youngestAtMs + minRestartIntervalMs - nowMs;
  return leftMs > 0 ? { reason: reason('RestartedRecently'), releasedInMs: leftMs } : undefined;
}
