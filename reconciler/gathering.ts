/**
 * For how long changes are gathered before a pass looks at them.
 */
import type { Clock } from '../runtime/clock.ts';

/** Changes come in bursts: what arrives within this time is one change. */
export const GATHER_MS = 20;
/** The first one after a time without any need not wait for the others: they are the next pass's. */
const GATHER_MS_CALM = 5;
const CALM_MS = 100;

export class Gathering {
  readonly #clock: Clock;
  #endedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when a pass may begin, or when `signal` aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    const isCalm = this.#clock.monotonicMs() - this.#endedAtMs >= CALM_MS;
    await this.#clock.sleep(isCalm ? GATHER_MS_CALM : GATHER_MS, signal);
  }

  /** A pass has ended. */
  passed(): void {
    this.#endedAtMs = this.#clock.monotonicMs();
  }
}
