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

export interface Steps<Item, Decision> {
  /** Called for the items in the order in which they came. May not throw. */
  readonly decide: (item: Item) => Decision;
  /** Called for each when all have been decided. May not throw. */
  readonly finish: (item: Item, decision: Decision) => void;
}

/**
 * Returns the function that takes an item in. The steps begin when all input that has arrived was read. When WAITING_MAX
 * items wait, the steps begin at once, before the function returns.
 */
export function inMicroBatches<Item, Decision>(
  clock: Pick<Clock, 'monotonicMs'>,
  { decide, finish }: Steps<Item, Decision>,
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
    const decided: Array<readonly [Item, Decision]> = [];
    let isOver = waiting.length === 0;
    while (!isOver) {
      const item = waiting.shift() as Item;
      decided.push([item, decide(item)]);
      isOver = waiting.length === 0 || clock.monotonicMs() >= endsAtMs;
    }
    expect();
    for (const [item, decision] of decided) finish(item, decision);
  };
  return (item) => {
    if (waiting.push(item) < WAITING_MAX) expect();
    else turn();
  };
}
