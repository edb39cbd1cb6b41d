/**
 * The same trouble said again and again: a warning when it is news, and once a minute while it lasts; `debug` between.
 */
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

const INTERVAL_MS = 60_000;

export class RateLimitedLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #saidAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  say(fields: object, message: string): void {
    const isNews = this.#clock.monotonicMs() - this.#saidAtMs >= INTERVAL_MS;
    if (isNews) this.#saidAtMs = this.#clock.monotonicMs();
    this.#log[isNews ? 'warn' : 'debug'](fields, message);
  }

  /** It is over: the next time is news. True if anything was said of it. */
  over(): boolean {
    const said = Number.isFinite(this.#saidAtMs);
    this.#saidAtMs = Number.NEGATIVE_INFINITY;
    return said;
  }
}
