/** A roll by others never ends if it waits for a pod that cannot become Ready. We delete such a pod. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { at, networkWorld, planOf, type Spec, stamp } from './group.ts';

/** As Kubernetes leaves it for ever while the new pod is not Ready. */
const HALF_ROLLED = { currentRevision: 'r1', updateRevision: 'r2', updatedReplicas: 1 };
const DOWN = { ready: false, createdAt: at(3_600), revision: 'r2' } as const;
const BARE = { ...DOWN, injected: false, annotations: {} } as const;
const ISOLATED = { ...DOWN, annotations: stamp([]) } as const;

const becomes = (pod: NonNullable<Spec['pod']>, status = {}): string | undefined => {
  const a = { pod, statefulSet: { status: { ...HALF_ROLLED, ...status } } };
  const { restart, holds } = planOf(networkWorld({ a, b: {}, c: {} }));
  return restart ?? holds.a;
};

describe('a pod that is down in the middle of a roll by others', () => {
  it('is deleted if it is not injected, or knows no running peer on a private network', () => {
    assert.equal(becomes(BARE), 'delete a');
    assert.equal(becomes(ISOLATED), 'delete a');
  });

  it('is deleted even if the roll has not reached it, and waits for it', () => {
    assert.equal(becomes({ ...BARE, revision: 'r1' }), 'delete a');
  });

  it('is left alone while the controller has not seen the last change, or is deleting the pod', () => {
    for (const pod of [BARE, ISOLATED]) {
      assert.equal(becomes(pod, { observedGeneration: 0 }), 'Unsettled');
      assert.equal(becomes({ ...pod, deletionTimestamp: at(1) }), undefined);
    }
  });

  it('is left alone if it may become Ready by itself, or is too young', () => {
    const few = { ...DOWN, annotations: stamp(['b']) };
    assert.equal(becomes(few), 'Unsettled');
    assert.equal(becomes({ ...BARE, createdAt: at(10) }), 'TooYoung');
  });

  it('is left alone if it is Ready: the roll then ends by itself', () => {
    assert.equal(becomes({ ...BARE, ready: true }), 'Unsettled');
  });
});
