/** Random histories of the whole reconciler, as many as a change can wait for; `more/` has the others. */
import { describe, it } from 'node:test';
import { assertUnbroken } from './unbroken.ts';

/** The same each time, so that a change is judged by what it changes; `make sim` takes others. */
const FIRST = { from: 1, count: 100 };

describe('a simulated history', () => {
  it('breaks no invariant, in the first hundred of them', (t) => assertUnbroken(t, FIRST));
});
