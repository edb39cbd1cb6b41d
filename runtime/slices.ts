/** Splits long work into slices. Between two slices the same process can answer admission reviews. */
import type { Clock } from './clock.ts';

/** The length of a slice, after which other work gets its turn. */
const SLICE_MS = 8;

/** The pieces of work that wait for their next slice. Each slice has its own turn of the event loop, to keep turns short. */
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

/** Runs all `steps` and resolves to their result. Lets other work run whenever the time of a slice is up. */
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

/** Runs `work` as a single slice. If it was long, lets other work run before the promise resolves. */
export const inOneGo = <T>(clock: Clock, work: () => T): Promise<T> =>
  inSlices(clock, { next: () => ({ done: true, value: work() }) });
