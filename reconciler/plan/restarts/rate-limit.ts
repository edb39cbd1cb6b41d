/** Limits the rate of restarts: windows of time, restarts in an hour, and the age of the pods. Pure. */
import { greatestOf, leastOf } from '../../../peers/lists.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { PodFacts } from '../../../peers/world.ts';
import type { JournalEntry } from '../journal/journal.ts';
import type { Windows } from './windows.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface RateLimitSettings {
  readonly windows: Windows;
  readonly maxRestartsPerHour: number;
  readonly minRestartIntervalMs: number;
  readonly expectedRestartMs: number;
}

/** A reason to wait, and the time in ms after which the wait ends by itself, if that is known. */
export interface Wait {
  readonly reason: Reason;
  readonly releasedInMs?: number | undefined;
}

export const asWait = (why: Reason | undefined): Wait | undefined => why && { reason: why };

/** The expected duration of a restart of this group: the longest successful one in the journal, else the setting. */
export function restartTakesMs(
  entries: readonly JournalEntry[],
  { expectedRestartMs }: RateLimitSettings,
  nowMs: number,
): number {
  const took = entries
    // The journal drops old entries only with its next write, and a long restart of months ago must not prevent that
    // write.
    .filter(({ atMs }) => nowMs - atMs < DAY_MS)
    .filter(({ outcome, kind }) => outcome === 'done' && kind === 'bump')
    .map(({ atMs, endedAtMs = atMs }) => endedAtMs - atMs)
    // An entry from a wrong clock counts as begun and ended now.
    .filter((ms) => ms > 0);
  return took.length > 0 ? greatestOf(took) : expectedRestartMs;
}

/** The wait of a whole group: no window is open for long enough, or the restarts of the hour are used up. */
export function rateLimitWait(
  entries: readonly JournalEntry[],
  settings: RateLimitSettings,
  nowMs: number,
): Wait | undefined {
  const opensAtMs = settings.windows(nowMs, restartTakesMs(entries, settings, nowMs));
  if (opensAtMs === undefined) return { reason: reason('OutsideWindow', 'none is long enough') };
  if (opensAtMs > nowMs) {
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

/** The wait of pods that are up, but too young to be restarted. */
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
