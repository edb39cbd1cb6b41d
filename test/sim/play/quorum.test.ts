/** Histories about the quorum margin: home domains, groups that share a network, and missing members. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from './plan.ts';
import { played, type Story } from './small-plan.ts';

const MINUTE_MS = 60_000;
const SETTINGS = {
  QUORUM_CHECK: 'hold',
  // With `missing`, each missing peer is a reason for a restart, so the quorum check is asked.
  ROLL_FOR: 'missing',
};
const quick = (count: number): number[] => Array<number>(count).fill(1_000);
const joins = (node: number): Action => ({ atMs: 90_000, do: 'join', node });

const told = (story: Omit<Story, 'calmAtMs'>) =>
  played({ ...story, calmAtMs: 10 * MINUTE_MS, settings: { ...SETTINGS, ...story.settings } });

describe('the quorum of a network', () => {
  it('keeps five of six validators up, although these are in two groups that do not know each other', async () => {
    const { restarts } = await told({
      ...{ readyMs: quick(6), founders: 4, percent: 75, actions: [joins(4), joins(5)] },
      namespaces: ['north', 'north', 'south', 'south', 'north', 'south'],
      settings: { PEER_SCOPE: 'namespace' },
    });
    assert.equal(restarts.bump, 4);
  });

  it('counts a member that only quorum sets name as down, on a private network', async () => {
    const five = { readyMs: quick(4), founders: 3, percent: 67, actions: [joins(3)] };
    const { restarts, held } = await told({ ...five, network: { absent: 1 } });
    assert.equal(restarts.bump, 0);
    assert.deepEqual(held, { QuorumMargin: 3 });
    const open = await told({ ...five, network: { absent: 1, isPublic: true } });
    assert.equal(open.restarts.bump, 3);
  });

  it('holds restarts by the reports of ports, if these are stricter than the quorum sets of the namespace', async () => {
    const suspended: Action = { atMs: 60_000, do: 'suspend', node: 2, on: true };
    const story = {
      ...{ network: { isPublic: true }, readyMs: quick(5), founders: 3, percent: 67 },
      namespaces: ['north', 'north', 'south', 'north', 'north'],
      actions: [suspended, joins(3), joins(4)],
    };
    assert.equal((await told(story)).restarts.bump, 2);
    const { restarts, held } = await told({ ...story, ports: [{ kind: 'open' }] });
    assert.deepEqual([restarts.bump, held], [0, { QuorumFragile: 2 }]);
  });

  it('holds restarts on a public network if the quorum sets cannot be read, and only warns on a private one', async () => {
    const unknown = { readyMs: quick(4), founders: 3, actions: [joins(3)] };
    const open = await told({ ...unknown, network: { isPublic: true } });
    assert.deepEqual([open.restarts.bump, open.held], [0, { QuorumUnknown: 3 }]);
    assert.equal((await told(unknown)).restarts.bump, 3);
  });
});
