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

/** Runs `steps` to their end and resolves to what they return; others run whenever a slice's time is up. */
export async function inSlices<T>(clock: Clock, steps: Iterator<undefined, T>): Promise<T> {
  if (waiting.length > 0) await ownTurn();
  let beganAtMs = clock.monotonicMs();
  for (;;) {
    const step = steps.next();
    if (clock.monotonicMs() - beganAtMs >= SLICE_MS) {
      await ownTurn();
      beganAtMs = clock.monotonicMs();
    }
    if (step.done) return step.value;
  }
}

/** Does `work` in one go, as one slice: others run before what follows if the work was long. */
export const inOneGo = <T>(clock: Clock, work: () => T): Promise<T> =>
  inSlices(clock, { next: () => ({ done: true, value: work() }) });
