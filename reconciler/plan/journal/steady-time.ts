/** Wall-clock time for changes that cannot be undone: entries that are dropped from the journal, or dated anew. */
import type { Clock } from '../../../runtime/clock.ts';

const JUMP_MS = 60_000;
/** A clock without a jump for an hour counts as right. */
const SETTLED_MS = 3_600_000;

export class SteadyTime {
  readonly #clock: Clock;
  /** How far the wall clock was ahead of the monotonic clock at the last call. */
  #aheadMs: number | undefined;
  #jumpedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The time, ms since the epoch; undefined if the clock has jumped within the last hour. */
  nowMs(): number | undefined {
    const [nowMs, monotonicMs] = [this.#clock.nowMs(), this.#clock.monotonicMs()];
    const aheadMs = nowMs - monotonicMs;
    if (Math.abs(aheadMs - (this.#aheadMs ?? aheadMs)) > JUMP_MS) this.#jumpedAtMs = monotonicMs;
    this.#aheadMs = aheadMs;
    return monotonicMs - this.#jumpedAtMs < SETTLED_MS ? undefined : nowMs;
  }
}
