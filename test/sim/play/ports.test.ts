/** Histories in which HTTP ports answer for some, lie late, or stop to answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { play } from './history.ts';
import type { Action } from './plan.ts';
import type { PortPlan } from './port-plan.ts';
import { planOf, type Story } from './small-plan.ts';

const MINUTE_MS = 60_000;
const SETTINGS = { MIN_READY_SECONDS: '5', MIN_RESTART_INTERVAL_SECONDS: '5', RESYNC_SECONDS: '60' };
const FOURTH_JOINS: Action = { atMs: 90_000, do: 'join', node: 3 };
const OPEN: PortPlan = { kind: 'open' };

/** Three validators, and a fourth that joins them; fails where an invariant does not hold. */
async function told(story: Partial<Story>, rollFor = 'unlinked') {
  const four = { readyMs: [1_000, 1_000, 1_000, 1_000], founders: 3, actions: [FOURTH_JOINS] };
  const settings = { ...SETTINGS, ROLL_FOR: rollFor };
  const result = await play(planOf({ ...four, calmAtMs: 20 * MINUTE_MS, ...story, settings }));
  assert.deepEqual(result.problem, undefined);
  return result;
}

describe('a validator that comes without a list, and that the others are told of over their ports', () => {
  const bare: Action = { atMs: 60_000, do: 'optOut', namespace: 'south', on: true };
  const story = { namespaces: ['north', 'north', 'north', 'south'], actions: [bare, FOURTH_JOINS] };

  it('is a reason to restart them where no port answers', async () => {
    assert.equal((await told(story)).restarts.bump, 3);
  });

  it('is none once they are connected', async () => {
    const { restarts, held } = await told({ ...story, ports: [OPEN, OPEN, OPEN] });
    assert.deepEqual([restarts.bump, held], [0, { OptedOut: 1 }]);
  });

  it('is none either when the ports stop to answer, and another leads', async () => {
    const stops: PortPlan = { kind: 'stops', atMs: 4 * MINUTE_MS };
    const kills = [0, 1].map((replica): Action => ({ atMs: (5 + replica) * MINUTE_MS, do: 'kill', replica }));
    const actions = [...story.actions, ...kills];
    const { restarts, held } = await told({ ...story, actions, ports: [stops, stops, stops] });
    assert.deepEqual([restarts.bump, held], [0, { OptedOut: 1 }]);
  });
});

describe('a port that lies late', () => {
  it('leads to one restart at most, when it has denied a link for ten minutes', async () => {
    const late: PortPlan = { kind: 'late', ms: 14 * MINUTE_MS };
    assert.equal((await told({ ports: [late, OPEN, OPEN] })).restarts.bump, 1);
    assert.equal((await told({ ports: [OPEN, OPEN, OPEN] })).restarts.bump, 0);
  });

  it('keeps a restart from being over until it says that the validator is synced', async () => {
    const late: PortPlan = { kind: 'late', ms: 3 * MINUTE_MS };
    const { restarts, held, shownMs } = await told({ ports: [late] }, 'missing');
    assert.deepEqual([restarts.bump, held], [3, {}]);
    assert.ok((shownMs.NotSynced ?? 0) > 2 * MINUTE_MS, `${shownMs.NotSynced} ms`);
  });
});
