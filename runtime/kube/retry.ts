/**
 * How long to wait after the API server failed: ever longer, and no longer than until a request gets through. Owns these
 * waits and what is said of them; what is tried again is the caller's.
 */
import { Backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Notifier } from '../notifier.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import { requestedWaitMs } from './port.ts';

const BACKOFF_MS_MAX = 5_000;
/** A caller that is woken because others got through comes within this time, not all at once. */
const WOKEN_WITHIN_MS = 400;
/** What fails although others succeed (a right that is missing) is woken no more often than this. */
const WAKE_INTERVAL_MS = 10_000;

interface RetryParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Notified when a request of this process has succeeded. */
  readonly outage: Notifier;
  /** What fails, for the log. */
  readonly fields: object;
}

/** The waits of one thing that is tried again and again. */
export class Retry {
  readonly #parts: RetryParts;
  readonly #backoff: Backoff;
  /** Since when it has failed, monotonic; undefined while it does not. */
  #failingSinceMs: number | undefined;
  readonly #limitedLog: RateLimitedLog;
  #wokenAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: RetryParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.clock, BACKOFF_MS_MAX);
    this.#limitedLog = new RateLimitedLog(parts.clock, parts.log);
  }

  /** It works: the next failure is a new one. */
  succeeded(): void {
    const { clock, fields, log } = this.#parts;
    if (this.#limitedLog.over() && this.#failingSinceMs !== undefined) {
      const failedForMs = Math.round(clock.monotonicMs() - this.#failingSinceMs);
      log.info({ ...fields, failedForMs }, 'watch re-established');
    }
    this.#failingSinceMs = undefined;
    this.#backoff.succeeded('');
  }

  /** Says what failed and resolves when it may be tried again, or when `signal` aborts. */
  async afterFailure(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, fields } = this.#parts;
    this.#failingSinceMs ??= clock.monotonicMs();
    const retryMs = this.#backoff.failed('', false, requestedWaitMs(error));
    this.#limitedLog.log({ ...fields, error, retryMs }, 'watch failed');
    await this.#pause(retryMs, signal);
  }

  async #pause(waitMs: number, signal: AbortSignal): Promise<void> {
    const { clock, outage } = this.#parts;
    const woken = new AbortController();
    const stop = outage.onChange(() => {
      if (clock.monotonicMs() - this.#wokenAtMs >= WAKE_INTERVAL_MS) woken.abort();
    });
    const startedAtMs = clock.monotonicMs();
    await clock.sleep(waitMs, AbortSignal.any([signal, woken.signal]));
    stop();
    if (!woken.signal.aborted || signal.aborted) return;
    const leftMs = waitMs - (clock.monotonicMs() - startedAtMs);
    this.#wokenAtMs = clock.monotonicMs();
    this.#backoff.succeeded('');
    await clock.sleep(Math.min(leftMs, clock.jitter(WOKEN_WITHIN_MS)), signal);
  }
}
