/** Decides when a failed action may be tried again, by key. Times are monotonic. A backoff can only delay an action. */
import type { Clock } from './clock.ts';

const FAILED_MS_MIN = 250;
const FAILED_MS_MAX = 30_000;
/** The delay after a refusal by policy, which does not end by itself within seconds. */
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

  constructor(clock: Clock, msMax = FAILED_MS_MAX) {
    this.#clock = clock;
    this.#msMax = msMax;
  }

  isDue(key: string): boolean {
    return this.dueInMs(key) === 0;
  }

  /** How long the key is delayed, in ms; 0 if it is due. */
  dueInMs(key: string): number {
    return Math.max(0, (this.#states.get(key)?.dueAtMs ?? 0) - this.#clock.monotonicMs());
  }

  hasFailed(key: string): boolean {
    return (this.#states.get(key)?.failures ?? 0) > 0;
  }

  putOff(key: string, delayMs: number): void {
    const failures = this.#states.get(key)?.failures ?? 0;
    this.#states.set(key, { dueAtMs: this.#clock.monotonicMs() + delayMs, failures });
  }

  /** Notes a failure. Returns the delay until the next try, in ms: at least `atLeastMs`. */
  failed(key: string, refused: boolean, atLeastMs = 0): number {
    const failures = (this.#states.get(key)?.failures ?? 0) + 1;
    const grownMs = Math.min(FAILED_MS_MIN * 2 ** (failures - 1), this.#msMax);
    const delayMs = Math.max(atLeastMs, this.#clock.jitter(refused ? REFUSED_MS : grownMs));
    this.#states.set(key, { dueAtMs: this.#clock.monotonicMs() + delayMs, failures });
    return Math.round(delayMs);
  }

  /** Notes a refusal. Returns the delay until the next try, in ms: 2, 4, 8 … 30 minutes. */
  refused(key: string): number {
    const failures = this.#states.get(key)?.failures ?? 0;
    return this.failed(key, false, Math.min(REFUSED_MS * 2 ** failures, REFUSED_MS_MAX));
  }

  /** Forgets failures. A delay from `putOff` stays. */
  succeeded(key: string): void {
    const state = this.#states.get(key);
    if (state === undefined) return;
    if (this.isDue(key) || state.failures > 0) this.#states.delete(key);
  }

  /**
   * The time until the next delayed key is due, in ms; undefined if none is delayed. 0 if a key became due after
   * `sinceMs`: a pass that began at `sinceMs` has skipped that key, and no other event starts the next pass.
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
