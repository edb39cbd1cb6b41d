/** ROLLOUT_WINDOWS as the tests ask about them. */
import assert from 'node:assert/strict';
import { parseWindows, type Windows } from '../../../reconciler/plan/restarts/windows.ts';

const MINUTE_MS = 60_000;
const LOOK_MINUTES = 8 * 1_440;

export function windowsOf(text: string): Windows {
  const windows = parseWindows(text);
  assert.ok(windows, text);
  return windows;
}

/** The first minute at which no window is open any more; undefined where one is open for 8 days. */
export function closingOf(windows: Windows, nowMs: number): number | undefined {
  for (let minute = 0; minute <= LOOK_MINUTES; minute += 1) {
    const atMs = nowMs + minute * MINUTE_MS;
    if (windows(atMs, 0) !== atMs) return atMs;
  }
  return undefined;
}
