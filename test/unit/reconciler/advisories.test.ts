/** What is told beside restarts, and what a configuration that did not take the peers means for them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import type { MergeOutcome } from '../../../peers/injection/merge-outcome.ts';
import type { World } from '../../../peers/world.ts';
import { mergeAdvisories, signalAdvisories } from '../../../reconciler/plan/status/advisories.ts';
import { DISCOVERY, networkWorld, planOf, type Spec } from './group.ts';

const JOINED: Readonly<Record<string, Spec>> = { a: { knows: ['b'] }, b: {}, c: {} };
const codes = (reasons: ReadonlyMap<string, { code: string }>) =>
  Object.fromEntries([...reasons].map(([key, { code }]) => [key, code]));

/** `a` lacks a peer, and its pod says this of its configuration. */
function said(code: MergeOutcome['code'], change: object = {}): World {
  const world = networkWorld(JOINED);
  const pods = new Map(world.pods);
  const pod = pods.get('stellar/a-0');
  if (!pod) throw new Error('no pod');
  pods.set('stellar/a-0', { ...pod, mergeOutcome: { code, detail: 'found' }, ...change });
  return { ...world, pods };
}
const remarksOf = (world: World) => codes(mergeAdvisories(world, discover(world, DISCOVERY)));

describe('a configuration that did not take the peers', () => {
  it('is told on its StellarNode', () => {
    for (const code of ['BothTaken', 'ConfigMissing', 'MergeFailed', 'PeersIgnored'] as const) {
      assert.deepEqual(remarksOf(said(code)), { 'stellar/a': code });
    }
    assert.deepEqual(remarksOf(said('Merged')), {});
    assert.deepEqual(remarksOf(said('BothTaken', { deleting: true })), {});
  });

  it('is a reason not to restart where the next start would find the same', () => {
    for (const code of ['BothTaken', 'ConfigMissing', 'PeersIgnored'] as const) {
      const plan = planOf(said(code));
      assert.deepEqual([plan.restart, plan.holds.a], [undefined, code]);
    }
  });

  it('is none where another attempt may go well', () => {
    assert.equal(planOf(said('MergeFailed')).restart, 'bump a');
    assert.equal(planOf(said('Merged')).restart, 'bump a');
  });
});

describe('a validator whose port is closed', () => {
  const remarks = (value: string | undefined) => {
    const node = value === undefined ? {} : { annotations: { 'stellar.org/peer-rollout': value } };
    const world = networkWorld({ a: { node }, b: {} });
    return codes(signalAdvisories(new Set(['stellar/a', 'stellar/gone']), world, 'stellar-peers'));
  };

  it('is told of where it is only to be signalled', () => {
    assert.deepEqual(remarks('Signal'), { 'stellar/a': 'SignalPortClosed' });
    for (const value of [undefined, 'OnRestart', 'paused', 'Never']) assert.deepEqual(remarks(value), {});
  });
});
