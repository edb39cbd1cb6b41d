/**
 * How fast: windows of time, restarts an hour, and the age of what is to be restarted. Pure.
 */
import { greatestOf, leastOf } from '../../../peers/lists.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { PodFacts } from '../../../peers/world.ts';
import type { JournalEntry } from '../journal/journal.ts';
import { type Windows, windowAt } from './windows.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface RateLimitSettings {
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
export function restartTakesMs(
  entries: readonly JournalEntry[],
  { expectedRestartMs }: RateLimitSettings,
  nowMs: number,
): number {
  const took = entries
    // Nothing is pruned until the next write, which one long restart of months ago must not keep away.
    .filter(({ atMs }) => nowMs - atMs < DAY_MS)
    .filter(({ outcome, kind }) => outcome === 'done' && kind === 'bump')
    .map(({ atMs, endedAtMs = atMs }) => endedAtMs - atMs)
    // Dated anew, since a clock was wrong: how long it took is not known.
    .filter((ms) => ms > 0);
  return took.length > 0 ? greatestOf(took) : expectedRestartMs;
}

/** What keeps a whole group waiting: no window is open for long enough, or the hour's restarts are spent. */
export function rateLimitWait(
  entries: readonly JournalEntry[],
  settings: RateLimitSettings,
  nowMs: number,
): Wait | undefined {
  const window = windowAt(settings.windows, nowMs, restartTakesMs(entries, settings, nowMs));
  if (window.kind === 'closed') {
    const { opensAtMs } = window;
    if (opensAtMs === undefined) return { reason: reason('OutsideWindow', 'none is long enough') };
    const opens = new Date(opensAtMs).toISOString();
    return { reason: reason('OutsideWindow', `the next opens at ${opens}`), releasedInMs: opensAtMs - nowMs };
  }
  const recent = entries.filter(({ outcome, atMs }) => outcome !== 'defused' && nowMs - atMs < HOUR_MS);
  if (recent.length < settings.maxRestartsPerHour) return undefined;
  const oldestAtMs = leastOf(recent.map(({ atMs }) => atMs));
  const releasedInMs = recent.length > 0 ? oldestAtMs + HOUR_MS - nowMs : undefined;
  const { length: failed } = recent.filter(({ outcome }) => outcome === 'void');
  const ofThem = failed > 0 ? `, ${failed} of them not carried out` : '';
  return { reason: reason('HourlyLimit', `${recent.length} in the last hour${ofThem}`), releasedInMs };
}

/** Why pods that are up are too young to be restarted. */
export function ageWait(
  pods: readonly PodFacts[],
  { minRestartIntervalMs }: RateLimitSettings,
  nowMs: number,
): Wait | undefined {
  const youngestAtMs = greatestOf(
    pods.map(({ createdAtMs }) => createdAtMs),
    0,
  );
  const leftMs = youngestAtMs + minRestartIntervalMs - nowMs;
  return leftMs > 0 ? { reason: reason('RestartedRecently'), releasedInMs: leftMs } : undefined;
}
