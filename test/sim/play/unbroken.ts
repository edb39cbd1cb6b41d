/** Plays a range of histories, and asserts that no invariant was broken and that enough restarts happened. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { playMany } from './many.ts';
import { planOf } from './plan.ts';
import { describePlan, shrink } from './shrink.ts';
import { describeTally } from './tally.ts';

/** Plays `count` seeds from `from` on. If one breaks an invariant, shrinks the first of them and rejects with it. */
export async function assertUnbroken(t: TestContext, range: { from: number; count: number }): Promise<void> {
  const tally = await playMany({
    ...range,
    onProgress: (played) => console.log(`${played} of ${range.count}`),
  });
  for (const line of describeTally(tally).split('\n')) t.diagnostic(line);
  const [first] = tally.problems;
  if (first) {
    const smallest = await shrink(planOf(first.seed), first.code);
    const all = tally.problems.map(({ seed }) => seed).join(', ');
    assert.fail(
      `${first.message}\n${describePlan(smallest)}\nreplay: make sim SEED=${first.seed} (of ${all})`,
    );
  }
  const { count } = range;
  assert.equal(tally.seeds, count);
  // A build that never restarts a validator breaks no invariant, so also count the restarts.
  assert.ok(tally.bump > count / 2 && tally.delete > count / 20 && tally.defused > count / 100);
}
