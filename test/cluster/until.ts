/** Waiting for the world to be in a state, with a deadline, instead of sleeping. */
import { setTimeout as delay } from 'node:timers/promises';

interface UntilOptions {
  readonly deadlineMs?: number;
  readonly everyMs?: number;
}

/**
 * Asks again and again until `predicate` returns something truthy, and returns that. What it throws counts
 * as "not yet". Rejects after the deadline (30 s) with `describe` and what was seen last.
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
