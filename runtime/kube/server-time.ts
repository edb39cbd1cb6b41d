/**
 * The API server's wall clock, as the Date of its answers tells it. Ages of pods and conditions are times that the
 * API server wrote: comparing them with a clock of ours that is minutes off would restart validators too early.
 * (docs/decisions/0015)
 */
import { DATE_STEP_MS, TOLERATED_MS } from '../../peers/clock-error.ts';
import type { Clock } from '../clock.ts';
import { Notifier } from '../notifier.ts';

export class ServerTime {
  readonly #clock: Clock;
  #offsetMs = 0;
  readonly #corrections = new Notifier();
  /** What was decided before a correction went by a wrong time. */
  readonly onCorrection = this.#corrections.onChange;

  /** `clock` is the machine's. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes in the Date of an answer whose head has just come, ms since the epoch; NaN is passed over. The request and its
   * answer took `tookMs`: a Date that is older by no more than that does not prove that our clock is wrong. A corrected
   * clock is never ahead of the API server's: a Date is the beginning of its second, so our clock is behind by up to a
   * second and `tookMs`, until the next answer. Then everything seems younger than it is, and waits.
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
