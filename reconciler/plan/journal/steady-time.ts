/**
 * Wall-clock time that may be acted on for good: what is dropped from the journal, or dated anew there, is so for ever.
 */
import type { Clock } from '../../../runtime/clock.ts';

const JUMP_MS = 60_000;
/** A clock that is as it was an hour ago is taken to be right. */
const SETTLED_MS = 3_600_000;

export class SteadyTime {
  readonly #clock: Clock;
  /** How far the wall clock was ahead of the monotonic one when it was last asked for. */
  #aheadMs: number | undefined;
  #jumpedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The time, ms since the epoch; undefined while the clock has jumped within the hour. */
  nowMs(): number | undefined {
    const [nowMs, monotonicMs] = [this.#clock.nowMs(), this.#clock.monotonicMs()];
    const aheadMs = nowMs - monotonicMs;
    if (Math.abs(aheadMs - (this.#aheadMs ?? aheadMs)) > JUMP_MS) this.#jumpedAtMs = monotonicMs;
    this.#aheadMs = aheadMs;
    return monotonicMs - this.#jumpedAtMs < SETTLED_MS ? undefined : nowMs;
  }
}
