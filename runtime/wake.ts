/** Wakes a loop. All notifications between two waits count as one. */
import type { Clock } from './clock.ts';

export class Wake {
  readonly #clock: Clock;
  #isNotified = false;
  #resolve: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  notify(): void {
    this.#isNotified = true;
    this.#resolve?.();
  }

  /** Resolves after a notification since the last wait, after `timeoutMs`, or when `signal` aborts. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#isNotified && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#resolve = resolve;
      const cancel = this.#clock.after(timeoutMs, resolve);
      signal.addEventListener('abort', resolve as () => void, { once: true });
      await promise;
      cancel();
      signal.removeEventListener('abort', resolve as () => void);
      this.#resolve = undefined;
    }
    this.#isNotified = false;
  }
}
