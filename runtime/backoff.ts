/**
 * When what failed may be tried again, by key. Times are monotonic; nothing here permits, it only delays.
 */
import type { Clock } from './clock.ts';

const FAILED_MS_MIN = 250;
const FAILED_MS_MAX = 30_000;
/** A refusal by policy does not heal by itself in seconds. */
const REFUSED_MS = 120_000;
const REFUSED_MS_MAX = 1_800_000;

interface State {
  readonly dueAtMs: number;
  readonly failures: number;
}

export class Backoff {
  readonly #clock: Clock;
  readonly #msMax: number;
  readonly #states = new Map<string, State>();

  /** Waits grow up to `msMax`. */
  constructor(clock: Clock, msMax = FAILED_MS_MAX) {
    this.#clock = clock;
    this.#msMax = msMax;
  }

  isDue(key: string): boolean {
    const state = this.#states.get(key);
    return state === undefined || state.dueAtMs <= this.#clock.monotonicMs();
  }

  /** True where the last try failed. */
  hasFailed(key: string): boolean {
    return (this.#states.get(key)?.failures ?? 0) > 0;
  }

  /** Not before `delayMs` from now. */
  putOff(key: string, delayMs: number): void {
    const failures = this.#states.get(key)?.failures ?? 0;
    this.#states.set(key, { dueAtMs: this.#clock.monotonicMs() + delayMs, failures });
  }

  /** Takes in a failure; returns in how many ms to try again, at least `atLeastMs`. */
  failed(key: string, refused: boolean, atLeastMs = 0): number {
    const failures = (this.#states.get(key)?.failures ?? 0) + 1;
    const grownMs = Math.min(FAILED_MS_MIN * 2 ** (failures - 1), this.#msMax);
    const delayMs = Math.max(atLeastMs, this.#clock.jitter(refused ? REFUSED_MS : grownMs));
    this.#states.set(key, { dueAtMs: this.#clock.monotonicMs() + delayMs, failures });
    return Math.round(delayMs);
  }

  /** The same of what was refused: tried again after 2, 4, 8 … 30 minutes. */
  refused(key: string): number {
    const failures = this.#states.get(key)?.failures ?? 0;
    return this.failed(key, false, Math.min(REFUSED_MS * 2 ** failures, REFUSED_MS_MAX));
  }

  /** Forgets failures; a delay that was asked for stays. */
  succeeded(key: string): void {
    const state = this.#states.get(key);
    if (state === undefined) return;
    if (this.isDue(key) || state.failures > 0) this.#states.delete(key);
  }

  /**
   * In how many ms the next key that is put off falls due; undefined if none is. One that fell due after `sinceMs`,
   * when it was last asked for, falls due at once: a pass that found it not due has gone on, and nothing else tells.
   */
  nextInMs(sinceMs = this.#clock.monotonicMs()): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    let next: number | undefined;
    for (const [key, { dueAtMs, failures }] of this.#states) {
      if (dueAtMs > sinceMs) next = Math.min(next ?? Number.POSITIVE_INFINITY, Math.max(0, dueAtMs - nowMs));
      else if (failures === 0) this.#states.delete(key);
    }
    return next;
  }
}
