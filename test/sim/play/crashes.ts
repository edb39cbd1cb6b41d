/** Replicas in a crash loop: one dies, or both do, a moment after each restart that is begun. */
import type { Process } from '../process.ts';
import type { SimTime } from '../time.ts';

interface Seats {
  readonly time: SimTime;
  seatOf(index: number): { readonly process: Process };
  kill(index: number, backInMs: number): void;
}

/** From the write of a restart until the process dies, and until another one takes its seat. */
const CRASHES_AFTER_MS = 100;
const BACK_MS = 8_000;

export class Crashes {
  readonly #seats: Seats;
  #untilMs = 0;
  #both = false;

  constructor(seats: Seats) {
    this.#seats = seats;
  }

  /** For that long. */
  goOn(ms: number, both: boolean): void {
    this.#untilMs = this.#seats.time.monotonicMs() + ms;
    this.#both = both;
  }

  /** That process has written a restart. */
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
