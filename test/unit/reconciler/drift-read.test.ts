/** A pod whose container started after a view was published has read it, whatever it is stamped with. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { World } from '../../../peers/world.ts';
import { NOW_MS, networkWorld, planOf } from './group.ts';

const MINUTE_MS = 60_000;

/** `a` was stamped before `d` joined; what else is known of its pod. */
function joined(change: Record<string, unknown>): World {
  const world = networkWorld({ a: { knows: ['b', 'c'] }, b: {}, c: {}, d: {} });
  const pods = new Map(world.pods);
  const pod = pods.get('stellar/a-0');
  if (!pod) throw new Error('no pod');
  pods.set('stellar/a-0', { ...pod, ...change });
  return { ...world, pods };
}
// The view is published as of NOW_MS.
const restarted = (change: Record<string, unknown>) =>
  planOf(joined(change), { nowMs: NOW_MS + 60 * MINUTE_MS }).restart;

describe('a pod that was stamped before a view was published', () => {
  it('has read it if it was scheduled after, by more than clocks may be apart', () => {
    assert.equal(restarted({ scheduledAtMs: NOW_MS + 3_000 }), 'bump a');
    assert.equal(restarted({ scheduledAtMs: NOW_MS + 3_001 }), undefined);
  });

  it('has read it if its container was started again, well after', () => {
    assert.equal(restarted({ startedAtMs: NOW_MS + 3 * MINUTE_MS }), 'bump a');
    assert.equal(restarted({ startedAtMs: NOW_MS + 3 * MINUTE_MS + 1 }), undefined);
  });

  it('has not if its configuration was merged, which is done once a pod', () => {
    assert.equal(restarted({ startedAtMs: NOW_MS + 30 * MINUTE_MS, merged: true }), 'bump a');
  });
});
