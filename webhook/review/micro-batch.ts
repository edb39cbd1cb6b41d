/**
 * What comes in one turn of the event loop, together: each step is done for all of it before the next one begins. What a
 * step needs of code and tables is then near the processor for all but the first. Taken one by one, each review finds
 * none of it there, after the kernel, TLS and the parser of the one before. (docs/operations.md)
 */
import type { Clock } from '../../runtime/clock.ts';

/** After so long timers get their turn, and what has come meanwhile. */
const TURN_MS = 8;

/** So many wait at most: a connection may bring any number of requests in one piece. */
const WAITING_MAX = 64;

/**
 * Returns the function that takes an item in. `decide` is called for the items in the order in which they came; what it
 * returns is called when all have been decided. Neither may throw. Deciding begins when everything that is there has been
 * read, or when as many wait as may: then before the returned function returns.
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
