/**
 * A clock that stands still until a test moves it, and fires what is due in order.
 */
import type { Clock } from '../../../runtime/clock.ts';

export class FakeClock implements Clock {
  #nowMs = 1_000_000;
  readonly #timers = new Set<{ readonly dueMs: number; readonly fn: () => void }>();

  nowMs = () => this.#nowMs;
  monotonicMs = () => this.#nowMs;
  jitter = (ms: number) => ms;
  sleep = (ms: number) => new Promise<void>((resolve) => this.after(ms, resolve));

  after(ms: number, fn: () => void): () => void {
    const timer = { dueMs: this.#nowMs + ms, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Lets `ms` pass: every timer fires at its own time, then whatever awaits it goes on. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)[0];
      if (!due || due.dueMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, due.dueMs);
      this.#timers.delete(due);
      due.fn();
      await new Promise(setImmediate);
    }
    this.#nowMs = endMs;
    await new Promise(setImmediate);
  }
}
