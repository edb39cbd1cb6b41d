/** Waits for a condition, with a deadline, so that tests need no sleeps. */
import { setTimeout as delay } from 'node:timers/promises';

interface UntilOptions {
  readonly deadlineMs?: number;
  readonly everyMs?: number;
}

/**
 * Calls `predicate` repeatedly until it returns a truthy value, and returns the value. An error of `predicate` counts
 * as "not yet". Rejects after the deadline (30 s) with `describe` and the last value or error.
 */
export async function until<T>(
  describe: string,
  predicate: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<NonNullable<T>> {
  const { deadlineMs = 30_000, everyMs = 50 } = options;
  const endsAtMs = performance.now() + deadlineMs;
  for (;;) {
    let seen: unknown;
    try {
      const value = await predicate();
      if (value) return value;
      seen = value;
    } catch (error) {
      seen = error;
    }
    if (performance.now() > endsAtMs) {
      const cause = seen instanceof Error ? { cause: seen } : {};
      throw new Error(`not within ${deadlineMs / 1000} s: ${describe} (last seen: ${String(seen)})`, cause);
    }
    await delay(everyMs);
  }
}
