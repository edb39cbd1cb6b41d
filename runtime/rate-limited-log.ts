/**
 * The same trouble again and again: a warning when it is news, and once a minute while it lasts; `debug` between.
 */
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

  /** It is over: the next time is news. True if anything was logged of it. */
  over(): boolean {
    const wasLogged = Number.isFinite(this.#loggedAtMs);
    this.#loggedAtMs = Number.NEGATIVE_INFINITY;
    return wasLogged;
  }
}
