/** Random histories beyond the first hundred, and tests that the simulation finds faults. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { play } from '../history.ts';
import { playMany } from '../many.ts';
import { planOf } from '../plan.ts';
import { assertUnbroken } from '../unbroken.ts';

/** The seeds that `first.test.ts` does not play. */
const OTHERS = { from: 101, count: 900 };

describe('a simulated history', () => {
  it(`breaks no invariant, in ${OTHERS.count} of them from seed ${OTHERS.from} on`, (t) =>
    assertUnbroken(t, OTHERS));

  it('is the same each time its seed is played', async () => {
    for (const seed of [7, 1_234, 99_999]) {
      const [first, second] = [await play(planOf(seed)), await play(planOf(seed))];
      assert.deepEqual(second, first);
    }
  });

  it('finds a build that never restarts a validator, because some validators are neither restarted nor held at the end', async () => {
    const { problems, bump } = await playMany({ from: 1, count: 60, neverRestarts: true });
    assert.equal(bump, 0);
    assert.ok(problems.length > 10, `${problems.length} found`);
    const codes = new Set(problems.map(({ code }) => code));
    assert.ok(codes.has('ending: neither done nor held'), [...codes].join());
  });
});
