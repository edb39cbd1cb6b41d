/**
 * A controller's queue. A key waits only once, and only one worker handles it at a time. If the key is added meanwhile, it
 * is handled again. Failed work is repeated after growing delays. A worker that waits is busy.
 */
import type { SimTime } from './time.ts';

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 30_000;

export interface QueueOptions {
  readonly time: SimTime;
  readonly workers: number;
  /** The time from a change until the controller sees it. */
  readonly reactMs: () => number;
  /** Handles a key. Rejects or throws if the work must be repeated. */
  readonly work: (key: string) => void | Promise<void>;
}

export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #waiting = new Set<string>();
  readonly #due: string[] = [];
  readonly #busy = new Set<string>();
  readonly #failures = new Map<string, number>();

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  add(key: string, delayMs = this.#options.reactMs()): void {
    if (this.#waiting.has(key)) return;
    this.#waiting.add(key);
    this.#options.time.schedule(delayMs, () => {
      this.#due.push(key);
      this.#next();
    });
  }

  /** Adds the key once more after that time, even if it waits already. */
  addLater(key: string, delayMs: number): void {
    this.#options.time.schedule(delayMs, () => this.add(key));
  }

  #next(): void {
    while (this.#busy.size < this.#options.workers) {
      const index = this.#due.findIndex((key) => !this.#busy.has(key));
      const [key] = index < 0 ? [] : this.#due.splice(index, 1);
      if (key === undefined) return;
      this.#waiting.delete(key);
      this.#work(key);
    }
  }

  #work(key: string): void {
    this.#busy.add(key);
    const done = (failed: boolean) => {
      this.#busy.delete(key);
      if (failed) this.#retry(key);
      else this.#failures.delete(key);
      this.#next();
    };
    try {
      const working = this.#options.work(key);
      if (working === undefined) done(false);
      else
        void working.then(
          () => done(false),
          () => done(true),
        );
    } catch {
      done(true);
    }
  }

  #retry(key: string): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.addLater(key, Math.min(RETRY_MS_MIN * 2 ** (failures - 1), RETRY_MS_MAX));
  }
}
