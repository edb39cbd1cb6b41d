/**
 * A clock that stands still until a test moves it; jitter is off.
 */
import { setTimeout as realDelay, setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../../runtime/clock.ts';
import { NOW_MS } from './now.ts';
import { isAtWork } from './real-work.ts';

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

const TURN_MS = 5_000;
/** After so many turns of the event loop, everything that follows from a moment has happened. */
const TURNS = 10;
const WORK_REAL_MS = 1;
/** The longest time for which the machine may be busy with other work. */
const DEADLINE_REAL_MS = 120_000;

export class ManualClock implements Clock {
  #passedMs = 0;
  readonly #startMs: number;
  readonly #sleepers = new Set<Sleeper>();
  readonly #busy: Array<() => boolean> = [isAtWork];
  /** The length of every sleep that was asked for, in order. */
  readonly slept: number[] = [];

  /** Starts at the real time by default, because real TLS handshakes compare certificates with the real time. */
  constructor(startMs = NOW_MS) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#startMs + this.#passedMs;
  }

  monotonicMs(): number {
    return this.#passedMs;
  }

  jitter(ms: number): number {
    return ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(ms);
    if (ms <= 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = { dueMs: this.#passedMs + ms, wake: () => done() };
      const done = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', done);
    });
  }

  after(ms: number, fn: () => void): () => void {
    const stop = new AbortController();
    void this.sleep(ms, stop.signal).then(() => {
      if (!stop.signal.aborted) fn();
    });
    return () => stop.abort();
  }

  advance(ms: number): void {
    this.#passedMs += ms;
    for (const sleeper of this.#sleepers) if (sleeper.dueMs <= this.#passedMs) sleeper.wake();
  }

  /** Lets no time pass while `isBusy` is true, for example until an answer over a real connection has come. */
  waitFor(isBusy: () => boolean): void {
    this.#busy.push(isBusy);
  }

  /** Lets time pass, while there are sleepers and no real work, until `promise` settles. */
  async pass<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const end = () => {
      settled = true;
    };
    promise.then(end, end);
    await this.passUntil(() => settled);
    return promise;
  }

  /** Lets time pass, `turnMs` at once, until `condition` holds. Rejects after two real minutes. */
  async passUntil(condition: () => boolean, turnMs = TURN_MS): Promise<void> {
    const deadlineMs = performance.now() + DEADLINE_REAL_MS;
    while (!condition()) {
      if (performance.now() > deadlineMs) throw new Error(`not reached in two minutes: ${condition}`);
      for (let count = 0; count < TURNS; count += 1) await turn();
      if (this.#busy.some((isBusy) => isBusy())) await realDelay(WORK_REAL_MS);
      else if (!condition() && this.#sleepers.size > 0) this.advance(turnMs);
    }
  }
}
