/** A pod without its stamp does not show which peers it knows. It may still know some. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { networkWorld, planOf, type Spec } from './group.ts';

const GONE: Spec = { pod: { annotations: {} } };

describe('an injected pod without our stamp', () => {
  it('is not restarted while it is Ready, and its reason is shown', () => {
    const { restart, holds } = planOf(networkWorld({ a: GONE, b: {}, c: {} }));
    assert.deepEqual([restart, holds], [undefined, { a: 'UnreadableView' }]);
  });

  it('is not deleted while it may be catching up', () => {
    const down: Spec = { pod: { annotations: {}, ready: false } };
    const { restart, holds } = planOf(networkWorld({ a: down, b: {}, c: {} }));
    assert.deepEqual([restart, holds], [undefined, { a: 'UnreadableView' }]);
  });

  it('is not restarted where only the hash is left of the stamp', () => {
    const annotations = { 'stellar.org/peer-hash': 'other' };
    assert.equal(planOf(networkWorld({ a: { pod: { annotations } }, b: {} })).restart, undefined);
  });

  it('keeps no other validator of its group waiting', () => {
    assert.equal(planOf(networkWorld({ a: GONE, b: { knows: ['a'] }, c: {} })).restart, 'bump b');
  });
});
