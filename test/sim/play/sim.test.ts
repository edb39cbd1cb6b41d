/** Random histories of the whole reconciler: what must hold at each restart, and in the end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { play } from './history.ts';
import { playMany } from './many.ts';
import { planOf } from './plan.ts';
import { describePlan, shrink } from './shrink.ts';
import { describeTally } from './tally.ts';

const SEEDS = 1_000;
/** The same each time, so that a change is judged by what it changes; `make sim` takes others. */
const FROM = 1;

describe('a simulated history', () => {
  it(`breaks no invariant, in ${SEEDS} of them from seed ${FROM} on`, async (t) => {
    const tally = await playMany({ from: FROM, count: SEEDS });
    for (const line of describeTally(tally).split('\n')) t.diagnostic(line);
    const [first] = tally.problems;
    if (first) {
      const smallest = await shrink(planOf(first.seed), first.code);
      assert.fail(`${first.message}\n${describePlan(smallest)}\nreplay: make sim SEED=${first.seed}`);
    }
    assert.equal(tally.seeds, SEEDS);
    // What never restarts anybody breaks none of these either.
    assert.ok(tally.bump > SEEDS / 2 && tally.delete > SEEDS / 20 && tally.defused > SEEDS / 100);
  });

  it('is the same whenever its seed is played', async () => {
    for (const seed of [7, 1_234, 99_999]) {
      const [first, second] = [await play(planOf(seed)), await play(planOf(seed))];
      assert.deepEqual(second, first);
    }
  });

  it('finds a build that never restarts anybody, by who is neither restarted nor held in the end', async () => {
    const { problems, bump } = await playMany({ from: 1, count: 60, neverRestarts: true });
    assert.equal(bump, 0);
    assert.ok(problems.length > 10, `${problems.length} found`);
    const codes = new Set(problems.map(({ code }) => code));
    assert.ok(codes.has('ending: neither done nor held'), [...codes].join());
  });
});
