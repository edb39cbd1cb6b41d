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

export interface Steps<Item, Decision> {
  /** Called for the items in the order in which they came. May not throw. */
  readonly decide: (item: Item) => Decision;
  /** Called for each when all have been decided. May not throw. */
  readonly finish: (item: Item, decision: Decision) => void;
}

/**
 * Returns the function that takes an item in. The steps begin when everything that is there has been read, or when as
 * many wait as may: then before it returns.
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
