/**
 * One loop for what has to be put right again and again: rounds at a bounded rate, woken by changes,
 * slower after errors. Owns when to look; what is looked at and put right is the caller's.
 */
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { isPassing, requestedWaitMs } from '../runtime/kube/port.ts';
import type { Notifier, Subscribe } from '../runtime/notifier.ts';

/** Between a round that asked the API server and the next, so that a flood of changes is no flood of requests. */
const FLOOR_MS = 1_000;

/**
 * `lookInMs`: nothing to do before that, unless something changes; `free` if the round asked nothing of the
 * API server; for `cooldownMs` changes are not listened to. `again`: something was written, by us or by another writer first; look at once, later more slowly.
 */
export type Round = Pause | { readonly again: true };

interface Pause {
  readonly lookInMs: number;
  readonly free?: boolean;
  readonly cooldownMs?: number;
  /** Done after the round: what this throws ends the loop. */
  readonly use?: () => void;
  /** True where no request is answered now, as far as can be seen. */
  readonly isOutage?: boolean;
}

interface Loop {
  readonly clock: Clock;
  readonly round: () => Promise<Round>;
  readonly changes: readonly Subscribe[];
  /** Notified when the API server answers any request: a wait after a failure ends with that. */
  readonly outage?: Notifier;
  /** Told of each round that threw, for the log. */
  readonly failed: (error: unknown, retryInMs: number) => void;
}

/** Runs rounds until `signal` aborts; one that throws is tried again. Rejects with what `use` of a round throws. */
export async function runLoop(loop: Loop, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff(loop.clock);
  while (!signal.aborted) {
    // Subscribed before the round: a change in the middle of it is not lost.
    const changed = new AbortController();
    const stops = loop.changes.map((onChange) => onChange(() => changed.abort()));
    try {
      const outcome = await runRound(loop, backoff);
      const { lookInMs, free, use } = outcome;
      if (!signal.aborted) use?.();
      const cooldownMs = free ? 0 : Math.min(lookInMs, outcome.cooldownMs ?? FLOOR_MS);
      await loop.clock.sleep(cooldownMs, signal);
      if (outcome.isOutage && loop.outage) stops.push(loop.outage.onChange(() => changed.abort()));
      await loop.clock.sleep(lookInMs - cooldownMs, AbortSignal.any([signal, changed.signal]));
    } finally {
      for (const stop of stops) stop();
    }
  }
}

const ROUND = 'round';

async function runRound(loop: Loop, backoff: Backoff): Promise<Pause> {
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
    loop.failed(error, lookInMs);
    return { lookInMs, isOutage: isPassing(error) };
  }
}
