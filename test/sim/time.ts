/**
 * Simulated time: a queue of events, in order of time and then of scheduling. No real time passes between events. All times
 * are monotonic ms since the start of the history, unless they are called wall time.
 */
import type { Clock } from '../../runtime/clock.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';

interface Timer {
  readonly dueMs: number;
  readonly sequence: number;
  fn: (() => void) | undefined;
}

const isBefore = (a: Timer, b: Timer): boolean =>
  a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence);

export class SimTime {
  readonly #startMs: number;
  readonly #heap: Timer[] = [];
  #passedMs = 0;
  #sequence = 0;
  #events = 0;

  /** `startMs` is the wall time at which the history begins, ms since the epoch. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** The true wall time, in ms since the epoch. */
  nowMs(): number {
    return this.#startMs + this.#passedMs;
  }

  /** The time since the start of the history, as for `run` and `runUntil`. */
  monotonicMs(): number {
    return this.#passedMs;
  }

  /** How many events have been run. */
  get events(): number {
    return this.#events;
  }

  /** Calls `fn` once, `ms` from now; the returned function cancels it. */
  schedule(ms: number, fn: () => void): () => void {
    const timer: Timer = { dueMs: this.#passedMs + Math.max(0, ms), sequence: this.#sequence, fn };
    this.#sequence += 1;
    this.#push(timer);
    return () => {
      timer.fn = undefined;
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.schedule(ms, resolve));
  }

  /** The clock of one process. Timers are delivered through the process, and its wall clock has its skew. */
  clock(process: Process, random: Random): Clock {
    const after = (ms: number, fn: () => void) => this.schedule(ms, () => process.deliver(fn));
    return {
      // Whole ms, as on a real machine.
      nowMs: () => Math.floor(this.nowMs() + process.skewMs),
      monotonicMs: () => this.#passedMs,
      sleep: (ms, signal) => sleepUntil(after, ms, signal),
      jitter: (ms) => ms * (0.8 + random.next() * 0.4),
      after: (ms, fn) => {
        let cancelled = false;
        // A timer that was due while the process was frozen may be cancelled by an earlier callback after the thaw.
        const cancel = after(ms, () => cancelled || fn());
        return () => {
          cancelled = true;
          cancel();
        };
      },
    };
  }

  /** Runs all events up to `untilMs`. Calls `afterEach` after each event, when its promises have settled. */
  async run(untilMs: number, afterEach: () => void = () => {}): Promise<void> {
    await this.#runWhile(untilMs, () => {
      afterEach();
      return true;
    });
    this.#passedMs = Math.max(this.#passedMs, untilMs);
  }

  /** Runs events until the condition holds. False if it does not hold by `deadlineMs`. */
  async runUntil(condition: () => boolean, deadlineMs: number): Promise<boolean> {
    await drained();
    if (condition()) return true;
    let holds = false;
    await this.#runWhile(deadlineMs, () => {
      holds = condition();
      return !holds;
    });
    if (!holds) this.#passedMs = Math.max(this.#passedMs, deadlineMs);
    return holds;
  }

  async #runWhile(untilMs: number, goesOn: () => boolean): Promise<void> {
    await drained();
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.dueMs > untilMs) return;
      this.#pop();
      const { fn } = next;
      if (fn === undefined) continue;
      this.#passedMs = next.dueMs;
      this.#events += 1;
      fn();
      await (this.#events % EVENTS_PER_TURN === 0 ? turned() : drained());
      if (!goesOn()) return;
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Timer;
      if (!isBefore(timer, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
      if (!isBefore(heap[child] as Timer, last)) break;
      heap[index] = heap[child] as Timer;
      index = child;
    }
    heap[index] = last;
  }
}

/**
 * Resolves when all pending promise callbacks have run: Node runs its next tick only after them. A tick costs a tenth of a
 * turn of the event loop. A full turn is still needed now and then, so that unhandled rejections are reported.
 */
const drained = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
const turned = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const EVENTS_PER_TURN = 256;

function sleepUntil(
  after: (ms: number, fn: () => void) => () => void,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
