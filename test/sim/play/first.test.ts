/** Random histories of the whole reconciler: a number that runs quickly. `more/` has the others. */
import { describe, it } from 'node:test';
import { assertUnbroken } from './unbroken.ts';

/** Always the same seeds, so that a failure comes from the change under test. `make sim` uses others. */
const FIRST = { from: 1, count: 100 };

describe('a simulated history', () => {
  it('breaks no invariant, for the first hundred seeds', (t) => assertUnbroken(t, FIRST));
});
