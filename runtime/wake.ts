/**
 * A bell that may ring many times before anybody listens, and then counts once.
 */
import type { Clock } from './clock.ts';

export class Wake {
  readonly #clock: Clock;
  #rung = false;
  #resolve: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rung = true;
    this.#resolve?.();
  }

  /** Resolves when the bell has rung since the last wait, after `timeoutMs`, or when `signal` aborts. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#resolve = resolve;
      const cancel = this.#clock.after(timeoutMs, resolve);
      signal.addEventListener('abort', resolve as () => void, { once: true });
      await promise;
      cancel();
      signal.removeEventListener('abort', resolve as () => void);
      this.#resolve = undefined;
    }
    this.#rung = false;
  }
}
