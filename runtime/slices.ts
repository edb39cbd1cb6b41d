/**
 * Long work in slices: admission shares the process, and is answered between two of them.
 */
import type { Clock } from './clock.ts';

/** How long one slice may take before others get their turn. */
const SLICE_MS = 8;

/** Whose time is up. Each gets a turn of the event loop of its own: together they would be one long turn. */
const waiting: Array<() => void> = [];

function ownTurn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.push(resolve);
  if (waiting.length === 1) setImmediate(handOn);
  return promise;
}

function handOn(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(handOn);
}

/** Work that goes on in one go until `inTurn` says otherwise. */
export class Slice {
  readonly #clock: Clock;
  #beganAtMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganAtMs = clock.monotonicMs();
  }

  get isOver(): boolean {
    return this.#clock.monotonicMs() - this.#beganAtMs >= SLICE_MS;
  }

  /** To be awaited where the work may be interrupted: resolves in a later turn if this slice's time is up. */
  async inTurn(): Promise<void> {
    if (this.isOver) await ownTurn();
    this.#beganAtMs = this.#clock.monotonicMs();
  }
}

/** Runs `steps` to their end and resolves to what they return; others run whenever a slice's time is up. */
export async function inSlices<T>(clock: Clock, steps: Iterator<undefined, T>): Promise<T> {
  if (waiting.length > 0) await ownTurn();
  const slice = new Slice(clock);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (slice.isOver) await slice.inTurn();
  }
}
