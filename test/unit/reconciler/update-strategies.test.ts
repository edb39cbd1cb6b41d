/**
 * StatefulSets that their owner rolls in another way: whether they are settled is seen on their pods, since Kubernetes
 * does not move currentRevision for each of these strategies.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPod } from '../../../peers/read/workload.ts';
import type { World } from '../../../peers/world.ts';
import { outcomeOf } from '../../../reconciler/plan/restarts/outcome.ts';
import { pod } from '../world.ts';
import { at, networkWorld, planOf, restartOf, type Spec, stamp } from './group.ts';

const ON_DELETE = { type: 'OnDelete' };
const PARTITIONED = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } };
const RECREATE = { type: 'Recreate' };
/** After a change of the template, as Kubernetes up to 1.35 leaves it for ever under OnDelete. */
const CHANGED = { currentRevision: 'r1', updateRevision: 'r2', updatedReplicas: 1 };

const changed = (updateStrategy: object, status = {}) => ({
  statefulSet: { spec: { updateStrategy }, status: { ...CHANGED, ...status } },
});

/** What the group does while `d` is as given, and `a` does not know `e` yet. */
const groupWith = (d: Spec) => {
  const world = networkWorld({
    a: { knows: ['b', 'c', 'd'] },
    b: {},
    c: {},
    d: { knows: ['a', 'b', 'c', 'e'], ...d },
    e: {},
  });
  const { restart, holds } = planOf(world);
  return restart ?? holds.a;
};

/** The same with two pods of `d`, of these revisions. */
function groupWithTwo(updateStrategy: object, revisions: readonly [string, string]): string | undefined {
  const spec = { replicas: 2, updateStrategy };
  const d = { node: { spec: { replicas: 2 } }, statefulSet: { spec, status: CHANGED }, pod: 'none' } as const;
  const world = networkWorld({ a: { knows: ['b'] }, b: {}, c: {}, d });
  const pods = new Map(world.pods);
  for (const [ordinal, revision] of revisions.entries()) {
    const annotations = stamp(['a', 'b', 'c']);
    const raw = pod('d', { ordinal, uid: `pod-d-${ordinal}`, revision, annotations });
    pods.set(`stellar/d-${ordinal}`, readPod(raw));
  }
  const { restart, holds } = planOf({ ...world, pods });
  return restart ?? holds.a;
}

describe('a StatefulSet with OnDelete', () => {
  it('is up after a change of its template, whether or not its owner has deleted the old pods', () => {
    assert.equal(groupWith(changed(ON_DELETE)), 'bump a');
    assert.equal(groupWith({ ...changed(ON_DELETE), pod: { revision: 'r2' } }), 'bump a');
    assert.equal(groupWith(changed(ON_DELETE, { updatedReplicas: 0 })), 'bump a');
  });

  it('is down while one of its pods is missing, terminating or not Ready, or while its controller is behind', () => {
    const held = 'WaitingForUnavailable';
    assert.equal(groupWith({ ...changed(ON_DELETE), pod: 'none' }), held);
    assert.equal(groupWith({ ...changed(ON_DELETE), pod: { deletionTimestamp: at(1) } }), held);
    assert.equal(groupWith({ ...changed(ON_DELETE), pod: { ready: false } }), held);
    assert.equal(groupWith(changed(ON_DELETE, { observedGeneration: 0 })), held);
  });

  it('reports that a missing peer waits for the owner of the StatefulSet', () => {
    const { holds } = planOf(networkWorld({ a: { knows: [], ...changed(ON_DELETE) }, b: {} }));
    assert.equal(holds.a, 'OnDelete');
  });
});

describe('a StatefulSet with a partition', () => {
  it('is up once the pods from the partition on have the newest revision', () => {
    assert.equal(groupWith(changed(PARTITIONED)), 'bump a', 'no pod is');
    assert.equal(groupWithTwo(PARTITIONED, ['r1', 'r2']), 'bump a');
    assert.equal(groupWithTwo(PARTITIONED, ['r2', 'r2']), 'bump a');
    assert.equal(groupWithTwo(PARTITIONED, ['r1', 'r1']), 'WaitingForUnavailable');
  });

  it('reports that a missing peer waits for the partition', () => {
    const { holds } = planOf(networkWorld({ a: { knows: [], ...changed(PARTITIONED) }, b: {} }));
    assert.equal(holds.a, 'Partitioned');
  });
});

describe('a StatefulSet with a strategy that we do not use', () => {
  it('is up once all its pods have the newest revision', () => {
    assert.equal(groupWith(changed(RECREATE)), 'WaitingForUnavailable');
    assert.equal(groupWith({ ...changed(RECREATE), pod: { revision: 'r2' } }), 'bump a');
    assert.equal(groupWithTwo(RECREATE, ['r1', 'r2']), 'WaitingForUnavailable');
  });

  it('is left alone, and reported by the name of the strategy, not as OnDelete', () => {
    const a: Spec = { knows: [], ...changed(RECREATE), pod: { revision: 'r2', annotations: stamp([]) } };
    const { restart, holds, details } = planOf(networkWorld({ a, b: {} }));
    assert.deepEqual([restart, holds.a, details.a], [undefined, 'OtherUpdateStrategy', 'Recreate']);
  });
});

describe('a restart of ours whose StatefulSet was given OnDelete or a partition since', () => {
  const entry = restartOf('a', { uids: ['former'], token: 't' });
  const outcome = (world: World) => outcomeOf(entry, world, { seenForMs: 1_000, watched: true });

  it('is over when the new pod is Ready, though currentRevision never moves', () => {
    for (const strategy of [ON_DELETE, PARTITIONED, RECREATE]) {
      const world = networkWorld({ a: { ...changed(strategy), pod: { revision: 'r2' } }, b: {} });
      assert.equal(outcome(world), 'done', JSON.stringify(strategy));
    }
  });

  const HALFWAY = ['r1', 'r2'] as const;
  const of = (updateStrategy: object, pods: ReadonlyArray<Parameters<typeof pod>[1]>) => {
    const annotations = { 'stellar.org/peer-restart': 't' };
    const spec = { replicas: 2, updateStrategy };
    const world = networkWorld({
      a: {
        node: { spec: { replicas: 2 } },
        statefulSet: { spec, annotations, status: CHANGED },
        pod: 'none',
      },
      b: {},
    });
    const two = pods.map((options, ordinal) => {
      const raw = pod('a', { ordinal, uid: `a-${ordinal}`, ...options });
      return [`stellar/a-${ordinal}`, readPod(raw)] as const;
    });
    return { ...world, pods: new Map([...world.pods, ...two]) };
  };
  const ofTwo = { ...entry, uids: ['a-0', 'former'], names: ['a-0', 'a-1'] };
  const outcomeOfTwo = (world: World) => outcomeOf(ofTwo, world, { seenForMs: 1_000, watched: true });
  const halfway = (strategy: object, ...options: ReadonlyArray<Parameters<typeof pod>[1]>) =>
    outcomeOfTwo(
      of(
        strategy,
        HALFWAY.map((revision, ordinal) => ({ revision, ...options[ordinal] })),
      ),
    );

  it('is over when the replaced pods are Ready: the owner replaces the other pods', () => {
    for (const strategy of [ON_DELETE, PARTITIONED]) assert.equal(halfway(strategy), 'done');
    assert.equal(halfway(ON_DELETE, { injected: false }), 'done', 'one that was not replaced may be bare');
    assert.equal(halfway(ON_DELETE, {}, { injected: false }), 'notInjected');
  });

  it('is under way while another pod must be replaced, is terminating or is not Ready', () => {
    assert.equal(halfway({ type: 'RollingUpdate' }), undefined);
    assert.equal(halfway({ type: 'RollingUpdate', rollingUpdate: { partition: 0 } }), undefined);
    assert.equal(halfway(PARTITIONED, {}, { ready: false }), undefined);
    assert.equal(halfway(ON_DELETE, { deletionTimestamp: at(1) }), undefined);
    const third = { type: 'RollingUpdate', rollingUpdate: { partition: 2 } };
    assert.equal(halfway(third), 'done', 'the partition is beyond all');
  });
});
