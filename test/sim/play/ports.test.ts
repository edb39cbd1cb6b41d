/** Histories in which some HTTP ports answer, give old answers, or stop answering. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from './plan.ts';
import type { PortPlan } from './port-plan.ts';
import { FOURTH_JOINS, played, type Story } from './small-plan.ts';

const MINUTE_MS = 60_000;
const OPEN: PortPlan = { kind: 'open' };

const told = (story: Partial<Story>, rollFor = 'unlinked') =>
  played({ calmAtMs: 20 * MINUTE_MS, ...story, settings: { ROLL_FOR: rollFor } });

describe('a validator without injection that dials the others, so that their ports show its connections', () => {
  const bare: Action = { atMs: 60_000, do: 'optOut', namespace: 'south', on: true };
  const story = { namespaces: ['north', 'north', 'north', 'south'], actions: [bare, FOURTH_JOINS] };

  it('is a reason to restart the others if no port answers', async () => {
    assert.equal((await told(story)).restarts.bump, 3);
  });

  it('is no reason to restart the others once their ports show the connections', async () => {
    const { restarts, held } = await told({ ...story, ports: [OPEN, OPEN, OPEN] });
    assert.deepEqual([restarts.bump, held], [0, { OptedOut: 1 }]);
  });

  it('is no reason to restart the others even if the ports then stop answering and the leader changes', async () => {
    const stops: PortPlan = { kind: 'stops', atMs: 4 * MINUTE_MS };
    const kills = [0, 1].map((replica): Action => ({ atMs: (5 + replica) * MINUTE_MS, do: 'kill', replica }));
    const actions = [...story.actions, ...kills];
    const { restarts, held } = await told({ ...story, actions, ports: [stops, stops, stops] });
    assert.deepEqual([restarts.bump, held], [0, { OptedOut: 1 }]);
  });
});

describe('a port with old answers', () => {
  it('causes at most one restart, after it has denied a link for ten minutes', async () => {
    const late: PortPlan = { kind: 'late', ms: 14 * MINUTE_MS };
    assert.equal((await told({ ports: [late, OPEN, OPEN] })).restarts.bump, 1);
    assert.equal((await told({ ports: [OPEN, OPEN, OPEN] })).restarts.bump, 0);
  });

  it('keeps a restart open until it says that the validator is synced', async () => {
    const late: PortPlan = { kind: 'late', ms: 3 * MINUTE_MS };
    const { restarts, held, shownMs } = await told({ ports: [late] }, 'missing');
    assert.deepEqual([restarts.bump, held], [3, {}]);
    assert.ok((shownMs.NotSynced ?? 0) > 2 * MINUTE_MS, `${shownMs.NotSynced} ms`);
  });
});
