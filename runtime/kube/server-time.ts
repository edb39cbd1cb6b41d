/**
 * The API server's wall clock, from the header Date of its answers. The API server dates pods and conditions. If they were
 * compared with a clock of ours that is minutes off, validators could be restarted too early. (docs/decisions/0015)
 */
import { DATE_STEP_MS, TOLERATED_MS } from '../../peers/clock-error.ts';
import type { Clock } from '../clock.ts';
import { Notifier } from '../notifier.ts';

export class ServerTime {
  readonly #clock: Clock;
  #offsetMs = 0;
  readonly #corrections = new Notifier();
  /** Notifies after a correction: earlier decisions used a wrong time. */
  readonly onCorrection = this.#corrections.onChange;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Notes the Date of an answer whose headers have just arrived, in ms since the epoch; ignores NaN. The request took
   * `tookMs`, so a Date that is older by no more than `tookMs` does not prove that our clock is wrong. A corrected clock is
   * never ahead of the API server's, because a Date is the beginning of its second. Until the next answer our clock is
   * behind by up to a second and `tookMs`. Objects then seem younger than they are, so we only wait longer.
   */
  note(dateMs: number, tookMs: number): void {
    if (!Number.isFinite(dateMs)) return;
    const oursMs = this.#clock.nowMs() + this.#offsetMs;
    const latestMs = dateMs + DATE_STEP_MS + Math.max(TOLERATED_MS, tookMs);
    const isNear = oursMs > dateMs - TOLERATED_MS && oursMs < latestMs;
    if (isNear) return;
    this.#offsetMs = dateMs - this.#clock.nowMs();
    this.#corrections.notify();
  }

  /** The machine's clock, with wall-clock time as the API server has it. */
  get clock(): Clock {
    const machine = this.#clock;
    return {
      nowMs: () => machine.nowMs() + this.#offsetMs,
      monotonicMs: () => machine.monotonicMs(),
      sleep: (ms, signal) => machine.sleep(ms, signal),
      jitter: (ms) => machine.jitter(ms),
      after: (ms, fn) => machine.after(ms, fn),
    };
  }
}
