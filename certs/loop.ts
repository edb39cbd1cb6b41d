/** When the certificate sources and caBundle look again: after changes, at a bounded rate, less often after errors. */
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { isPassing, requestedWaitMs } from '../runtime/kube/port.ts';
import type { Notifier, Subscribe } from '../runtime/notifier.ts';

/** The least time from a round that sent requests to the next one, so that many changes do not cause many requests. */
const COOLDOWN_MS = 1_000;

/**
 * The result of a round: when the next round runs. `again` if we, or another writer before us, have just written the
 * object. Then the next round runs at once. After several results `again` in a row, it runs after growing waits.
 */
export type Round = Wait | { readonly again: true };

interface Wait {
  /** The next round runs after this time, or after a change. */
  readonly lookInMs: number;
  /** True if the round sent no request. Then a change starts the next round at once, without a cooldown. */
  readonly sentNothing?: boolean;
  /** The time in which no change starts the next round; the default is `COOLDOWN_MS`. */
  readonly cooldownMs?: number;
  /** Called after the round. An error that it throws is not a failed round: it ends the loop. */
  readonly afterRound?: () => void;
  /** True if the API server seems to answer no request. Then the first request that succeeds ends the wait. */
  readonly isOutage?: boolean;
}

interface Loop {
  readonly clock: Clock;
  readonly round: () => Promise<Round>;
  readonly changes: readonly Subscribe[];
  /** Notified when the API server answers any request of this process. After an outage, that ends the wait. */
  readonly outage?: Notifier;
  readonly logFailure: (error: unknown, retryInMs: number) => void;
}

/** Runs rounds until `signal` aborts. A round that throws is repeated. Rejects only with an error that an `afterRound` throws. */
export async function runLoop(loop: Loop, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff(loop.clock);
  while (!signal.aborted) {
    // Subscribe before the round, so that a change during the round is not lost.
    const changed = new AbortController();
    const stops = loop.changes.map((onChange) => onChange(() => changed.abort()));
    try {
      const outcome = await runRound(loop, backoff);
      const { lookInMs, sentNothing, afterRound } = outcome;
      if (!signal.aborted) afterRound?.();
      const cooldownMs = sentNothing ? 0 : Math.min(lookInMs, outcome.cooldownMs ?? COOLDOWN_MS);
      await loop.clock.sleep(cooldownMs, signal);
      if (outcome.isOutage && loop.outage) stops.push(loop.outage.onChange(() => changed.abort()));
      await loop.clock.sleep(lookInMs - cooldownMs, AbortSignal.any([signal, changed.signal]));
    } finally {
      for (const stop of stops) stop();
    }
  }
}

const ROUND = 'round';

async function runRound(loop: Loop, backoff: Backoff): Promise<Wait> {
  try {
    const outcome = await loop.round();
    if ('again' in outcome) {
      const isFirst = !backoff.hasFailed(ROUND);
      const backoffMs = backoff.failed(ROUND, false);
      return { lookInMs: isFirst ? 0 : backoffMs };
    }
    backoff.succeeded(ROUND);
    return outcome;
  } catch (error) {
    const lookInMs = backoff.failed(ROUND, false, requestedWaitMs(error));
    loop.logFailure(error, lookInMs);
    return { lookInMs, isOutage: isPassing(error) };
  }
}
