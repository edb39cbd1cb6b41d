/** Replicas in a crash loop: one or both die a moment after each restart that they begin. */
import type { Process } from '../process.ts';
import type { SimTime } from '../time.ts';

/** The places of the two replicas; after a crash, another process takes the same seat. */
interface Seats {
  readonly time: SimTime;
  seatOf(index: number): { readonly process: Process };
  kill(index: number, backInMs: number): void;
}

/** From the write of a restart until the process dies. */
const CRASHES_AFTER_MS = 100;
/** From then until another process takes the seat. */
const BACK_MS = 8_000;

export class Crashes {
  readonly #seats: Seats;
  #untilMs = 0;
  #both = false;

  constructor(seats: Seats) {
    this.#seats = seats;
  }

  /** Lets replicas crash for this time. */
  crashFor(ms: number, both: boolean): void {
    this.#untilMs = this.#seats.time.monotonicMs() + ms;
    this.#both = both;
  }

  /** Call when a process has written a restart. */
  began(by: string): void {
    const { time } = this.#seats;
    if (time.monotonicMs() >= this.#untilMs) return;
    const both = this.#both;
    time.schedule(CRASHES_AFTER_MS, () => {
      for (const index of [0, 1]) {
        if (both || this.#seats.seatOf(index).process.name === by) this.#seats.kill(index, BACK_MS);
      }
    });
  }
}
