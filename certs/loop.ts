/**
 * One loop for what has to be put right again and again: rounds at a bounded rate, woken by changes,
 * slower after errors. Owns when to look; what is looked at and put right is the caller's.
 */
import type { Clock } from '../runtime/clock.ts';
import { isPassing, KubeError } from '../runtime/kube/port.ts';
import type { Notifier, Subscribe } from '../runtime/notifier.ts';

/** Between a round that asked the API server and the next, so that a flood of changes is no flood of requests. */
const FLOOR_MS = 1_000;
const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 30_000;

/**
 * `lookInMs`: nothing to do before that, unless something changes; `free` if the round asked nothing of the
 * API server; for `cooldownMs` changes are not listened to. `again`: something was written, by us or by another writer first; look at once, later more slowly.
 */
export type Round<T> =
  | { readonly done: T }
  | { readonly lookInMs: number; readonly free?: boolean; readonly cooldownMs?: number }
  | { readonly again: true };

interface Loop<T> {
  readonly clock: Clock;
  readonly round: () => Promise<Round<T>>;
  readonly changes: readonly Subscribe[];
  /** Notified when the API server answers any request: a wait after a failure ends with that. */
  readonly outage?: Notifier;
  /** Told of each round that threw, for the log. */
  readonly failed: (error: unknown, retryInMs: number) => void;
}

/** Runs rounds until one is done; resolves with its result, or with undefined when `signal` aborts. */
export async function runLoop<T>(loop: Loop<T>, signal: AbortSignal): Promise<T | undefined> {
  let retries = 0;
  while (!signal.aborted) {
    // Subscribed before the round: a change in the middle of it is not lost.
    const changed = new AbortController();
    const stops = loop.changes.map((onChange) => onChange(() => changed.abort()));
    try {
      const outcome = await runRound(loop, retries);
      if ('done' in outcome) return outcome.done;
      retries = outcome.isRetry ? retries + 1 : 0;
      const cooldownMs = outcome.free ? 0 : Math.min(outcome.lookInMs, outcome.cooldownMs ?? FLOOR_MS);
      await loop.clock.sleep(cooldownMs, signal);
      if (outcome.isOutage && loop.outage) stops.push(loop.outage.onChange(() => changed.abort()));
      await loop.clock.sleep(outcome.lookInMs - cooldownMs, AbortSignal.any([signal, changed.signal]));
    } finally {
      for (const stop of stops) stop();
    }
  }
  return undefined;
}

interface Pause {
  readonly lookInMs: number;
  readonly free: boolean;
  readonly cooldownMs?: number;
  readonly isRetry: boolean;
  /** True where no request is answered now, as far as can be seen. */
  readonly isOutage?: boolean;
}

async function runRound<T>(loop: Loop<T>, retries: number): Promise<{ done: T } | Pause> {
  try {
    const outcome = await loop.round();
    if ('done' in outcome) return outcome;
    if ('lookInMs' in outcome) return { free: false, ...outcome, isRetry: false };
    const lookInMs = retries === 0 ? 0 : backoffMs(retries - 1, undefined, loop.clock);
    return { lookInMs, free: false, isRetry: true };
  } catch (error) {
    const lookInMs = backoffMs(retries, error, loop.clock);
    loop.failed(error, lookInMs);
    return { lookInMs, free: false, isRetry: true, isOutage: isPassing(error) };
  }
}

/** Doubles with each retry and is never shorter than what the API server asks for, up to the bound. */
function backoffMs(retries: number, error: unknown, clock: Clock): number {
  const askedMs = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
  const backoff = Math.min(BACKOFF_MS_MIN * 2 ** retries, BACKOFF_MS_MAX);
  return Math.max(clock.jitter(backoff), Math.min(askedMs, BACKOFF_MS_MAX));
}
