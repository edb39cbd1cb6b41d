/** Histories in which each change of a validator's list is a reason to restart it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { play } from './history.ts';
import type { Action } from './plan.ts';
import { planOf } from './small-plan.ts';

const MINUTE_MS = 60_000;

async function bumps(rollFor: string, actions: readonly Action[]): Promise<number> {
  const settings = { ROLL_FOR: rollFor, MIN_READY_SECONDS: '5', MIN_RESTART_INTERVAL_SECONDS: '5' };
  const quick = [1_000, 1_000, 1_000, 1_000];
  const plan = planOf({ readyMs: quick, founders: 4, actions, settings, calmAtMs: 10 * MINUTE_MS });
  const { problem, restarts, held } = await play(plan);
  assert.deepEqual([problem, held], [undefined, {}]);
  return restarts.bump;
}

describe('a validator that leaves three others', () => {
  const leaves: Action = { atMs: 90_000, do: 'leave', node: 3 };

  it('restarts them if ROLL_FOR is `all`, and under no other rule', async () => {
    assert.equal(await bumps('all', [leaves]), 3);
    assert.equal(await bumps('missing', [leaves]), 0);
    assert.equal(await bumps('unlinked', [leaves]), 0);
  });

  it('restarts them when it is suspended, and when it is back', async () => {
    const suspended = (atMs: number, on: boolean): Action => ({ atMs, do: 'suspend', node: 3, on });
    assert.equal(await bumps('all', [suspended(90_000, true), suspended(5 * MINUTE_MS, false)]), 6);
  });
});
