/**
 * What comes in one turn of the event loop, together: each step is done for all of it before the next one begins. What a
 * step needs of code and tables is then near the processor for all but the first. Taken one by one, each review finds
 * none of it there, after the kernel, TLS and the parser of the one before. (docs/performance.md)
 */
import type { Clock } from '../runtime/clock.ts';

/** After so long timers get their turn, and what has come meanwhile. */
const TURN_MS = 8;

export interface Steps<Item, Decision> {
  /** Called for the items in the order in which they came. May not throw. */
  readonly decide: (item: Item) => Decision;
  /** Called for each when all have been decided. May not throw. */
  readonly finish: (item: Item, decision: Decision) => void;
}

/** Returns the function that takes an item in. It returns at once: the steps begin when all that is there was read. */
export function inTurns<Item, Decision>(
  clock: Pick<Clock, 'monotonicMs'>,
  { decide, finish }: Steps<Item, Decision>,
): (item: Item) => void {
  const waiting: Item[] = [];
  const turn = (): void => {
    const endsAtMs = clock.monotonicMs() + TURN_MS;
    const decisions: Array<() => void> = [];
    do {
      const item = waiting.shift() as Item;
      const decision = decide(item);
      decisions.push(() => finish(item, decision));
    } while (waiting.length > 0 && clock.monotonicMs() < endsAtMs);
    if (waiting.length > 0) setImmediate(turn);
    for (const done of decisions) done();
  };
  return (item) => {
    if (waiting.push(item) === 1) setImmediate(turn);
  };
}
