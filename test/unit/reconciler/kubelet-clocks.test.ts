/**
 * Kubelets date the conditions of pods, each by a clock of its own that nothing corrects: how long a validator has been
 * Ready must not hang on it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PodFacts } from '../../../peers/world.ts';
import { at, networkWorld, planOf, type Spec } from './group.ts';

const JOINED = { a: { knows: ['b', 'c'] }, b: {}, c: {} } satisfies Record<string, Spec>;
const seen = (ms: number) => (pod: PodFacts) => (pod.name === 'd-0' ? ms : Number.POSITIVE_INFINITY);

describe('MIN_READY_SECONDS', () => {
  it('is counted from when the leader saw a validator Ready, whatever its kubelet says', () => {
    for (const readyAt of [at(600), at(10), at(-600)]) {
      const world = networkWorld({ ...JOINED, d: { pod: { readyAt } } });
      const early = planOf(world, { readyForMs: seen(299_999) });
      assert.deepEqual([early.restart, early.holds.a], [undefined, 'WaitingForMinReady'], readyAt);
      assert.equal(early.recheckInMs, 1);
      assert.equal(planOf(world, { readyForMs: seen(300_000) }).restart, 'bump a', readyAt);
    }
  });
});
