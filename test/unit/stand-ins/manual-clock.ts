/**
 * A clock that stands still until a test moves it; jitter is off.
 */
import { setTimeout as realDelay } from 'node:timers/promises';
import type { Clock } from '../../../runtime/clock.ts';
import { isMakingKeys } from './key-making.ts';

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

const TURN_REAL_MS = 1;
const TURN_MS = 5_000;

export class ManualClock implements Clock {
  #passedMs = 0;
  readonly #startMs: number;
  readonly #sleepers = new Set<Sleeper>();
  /** Every length that was asked for, in order. */
  readonly slept: number[] = [];

  /** Starts at the real time by default, which real TLS handshakes compare certificates with. */
  constructor(startMs = Date.now()) {
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

  /** Lets time pass, while anybody sleeps and no key is made, until `promise` settles; fails after 10 real seconds. */
  async pass<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const end = () => {
      settled = true;
    };
    promise.then(end, end);
    await this.passUntil(() => settled);
    return promise;
  }

  /** The same until `condition` holds; `turnMs` is how much time passes at once. */
  async passUntil(condition: () => boolean, turnMs = TURN_MS): Promise<void> {
    const deadlineMs = performance.now() + 10_000;
    while (!condition()) {
      if (performance.now() > deadlineMs) throw new Error(`not reached in 10 s: ${condition}`);
      await realDelay(TURN_REAL_MS);
      if (!condition() && this.#sleepers.size > 0 && !isMakingKeys()) this.advance(turnMs);
    }
  }
}
