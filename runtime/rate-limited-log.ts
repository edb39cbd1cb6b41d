/** Logs a repeated failure: as a warning at first and once a minute while the failure lasts, otherwise as `debug`. */
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

const INTERVAL_MS = 60_000;

export class RateLimitedLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  log(fields: object, message: string): void {
    const isNews = this.#clock.monotonicMs() - this.#loggedAtMs >= INTERVAL_MS;
    if (isNews) this.#loggedAtMs = this.#clock.monotonicMs();
    this.#log[isNews ? 'warn' : 'debug'](fields, message);
  }

  /** Call when the failure is over, so that the next one is a warning at once. True if it was logged. */
  over(): boolean {
    const wasLogged = Number.isFinite(this.#loggedAtMs);
    this.#loggedAtMs = Number.NEGATIVE_INFINITY;
    return wasLogged;
  }
}
