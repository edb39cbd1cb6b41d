/**
 * Handles all reviews that arrive in one turn of the event loop together: first the one step for all of them, then the
 * next. So the code and data of a step stay in the processor's cache from one review to the next. Handled one by one, each
 * review would find the cache full of what the kernel, TLS and the parser did for the review before. (docs/operations.md)
 */
import type { Clock } from '../../runtime/clock.ts';

/** A batch ends after this time, so that timers and new input get their turn. */
const TURN_MS = 8;

/** The most items that wait. A connection may bring any number of requests in one piece. */
const WAITING_MAX = 64;

/**
 * Returns the function that takes an item in. `decide` is called for the items in the order in which they came; the
 * function that it returns is called when all have been decided. Neither may throw. Deciding begins when all input that
 * has arrived was read. When WAITING_MAX items wait, deciding begins at once, before the function returns.
 */
export function inMicroBatches<Item>(
  clock: Pick<Clock, 'monotonicMs'>,
  decide: (item: Item) => () => void,
): (item: Item) => void {
  const waiting: Item[] = [];
  let isDue = false;
  const expect = (): void => {
    if (isDue || waiting.length === 0) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      turn();
    });
  };
  const turn = (): void => {
    const endsAtMs = clock.monotonicMs() + TURN_MS;
    const finishes: Array<() => void> = [];
    let isOver = waiting.length === 0;
    while (!isOver) {
      finishes.push(decide(waiting.shift() as Item));
      isOver = waiting.length === 0 || clock.monotonicMs() >= endsAtMs;
    }
    expect();
    for (const finish of finishes) finish();
  };
  return (item) => {
    if (waiting.push(item) < WAITING_MAX) expect();
    else turn();
  };
}
