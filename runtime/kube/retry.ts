/**
 * Waits after a failure of the API server, longer after each failure, and at most until any request of the process
 * succeeds. Owns these waits and their log lines. The caller tries again.
 */
import { Backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Notifier } from '../notifier.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import { requestedWaitMs } from './port.ts';

const BACKOFF_MS_MAX = 5_000;
/** After an outage, callers try again at different moments within this time. */
const WOKEN_WITHIN_MS = 400;
/** The least time between two such early tries: a request may fail although others succeed, for lack of a right. */
const WAKE_INTERVAL_MS = 10_000;

interface RetryParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Notified when a request of this process has succeeded. */
  readonly outage: Notifier;
  /** Fields for the log that name the failing request. */
  readonly fields: object;
}

/** The waits of one request that is repeated until it succeeds. */
export class Retry {
  readonly #parts: RetryParts;
  readonly #backoff: Backoff;
  /** Since when the request has failed, monotonic; undefined while it succeeds. */
  #failingSinceMs: number | undefined;
  readonly #limitedLog: RateLimitedLog;
  #wokenAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: RetryParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.clock, BACKOFF_MS_MAX);
    this.#limitedLog = new RateLimitedLog(parts.clock, parts.log);
  }

  /** Call when the request works again, so that the next failure counts as the first. */
  succeeded(): void {
    const { clock, fields, log } = this.#parts;
    if (this.#limitedLog.over() && this.#failingSinceMs !== undefined) {
      const failedForMs = Math.round(clock.monotonicMs() - this.#failingSinceMs);
      log.info({ ...fields, failedForMs }, 'watch re-established');
    }
    this.#failingSinceMs = undefined;
    this.#backoff.succeeded('');
  }

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
