/** Rolls that the status of a StatefulSet does not show. The revision of each pod shows them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isUntouchedBump, outcomeOf } from '../../../reconciler/plan/restarts/outcome.ts';
import { node, pod, statefulSet, worldWith } from '../world.ts';
import { networkWorld, planOf, restartOf } from './group.ts';

const TOKEN = 'hash.digest';
const entry = restartOf('a', { names: ['a-0'], token: TOKEN });
const worldOf = (set: Parameters<typeof statefulSet>[1], pods: ReadonlyArray<ReturnType<typeof pod>>) =>
  worldWith({ nodes: [node('a')], statefulSets: [statefulSet('a', set)], pods: [...pods] });
const outcome = (world: ReturnType<typeof worldWith>) =>
  outcomeOf(entry, world, { seenForMs: 60_000, watched: true }) ?? 'under way';

describe('a roll that a person undoes', () => {
  it('goes on while a pod has the later revision, although the status names only the former revision', () => {
    const joined = { a: { knows: ['b', 'c'] }, b: {}, c: {}, d: {} };
    assert.equal(planOf(networkWorld(joined)).restart, 'bump a');
    const { restart, holds } = planOf(networkWorld({ ...joined, d: { pod: { revision: 'r2' } } }));
    assert.deepEqual([restart, holds.a], [undefined, 'WaitingForUnavailable']);
    assert.equal(
      planOf(networkWorld({ ...joined, a: { knows: ['b'], pod: { revision: 'r2' } } })).holds.a,
      'Unsettled',
    );
  });

  it('keeps our restart open until the controller has replaced the pods of the undone revision', () => {
    const fresh = (revision: string) => [pod('a', { uid: 'the-next', revision })];
    assert.equal(outcome(worldOf({}, fresh('r2'))), 'under way');
    assert.equal(outcome(worldOf({}, fresh('r1'))), 'done');
  });
});

describe('a bump whose pod was replaced by others', () => {
  const bumped = { annotations: { 'stellar.org/peer-restart': TOKEN }, status: { updateRevision: 'r2' } };
  const formerly = pod('a', { uid: 'made-late', ready: false });
  const next = { uid: 'ours', revision: 'r2', annotations: { 'stellar.org/peer-restart': TOKEN } };
  const ours = pod('a', next);

  it('has replaced no pod while the next pod has the former template too', () => {
    const world = worldOf(bumped, [formerly]);
    assert.deepEqual([isUntouchedBump(entry, world), outcome(world)], [true, 'under way']);
  });

  it('has replaced a pod if the next pod carries its token or has the newest revision', () => {
    assert.equal(isUntouchedBump(entry, worldOf(bumped, [ours])), false);
    assert.equal(isUntouchedBump(entry, worldOf(bumped, [pod('a', { uid: 'ours', revision: 'r2' })])), false);
    assert.equal(isUntouchedBump(entry, worldOf(bumped, [])), false);
  });

  it('has replaced no pod while only a pod of a larger size is missing', () => {
    const more = { ...bumped, spec: { replicas: 2 } };
    assert.equal(isUntouchedBump(entry, worldOf(more, [pod('a')])), true);
  });

  it('is over when it is taken back, even if the pod of the former template is not Ready', () => {
    const takenBack = { ...entry, why: 'NotAllReady' } as const;
    const over = (pods: ReadonlyArray<ReturnType<typeof pod>>) =>
      outcomeOf(takenBack, worldOf({}, pods), { seenForMs: 60_000, watched: true });
    assert.equal(over([formerly]), 'defused');
    assert.equal(over([{ ...ours, status: formerly.status }]), undefined);
  });

  it('has replaced no pod if one of two was scaled away, but is under way if an added pod has its token', () => {
    const two = { ...entry, uids: ['pod-a', 'gone'], names: ['a-0', 'a-1'] };
    assert.equal(isUntouchedBump(two, worldOf(bumped, [pod('a')])), true);
    const more = { ...bumped, spec: { replicas: 2 } };
    const added = worldOf(more, [pod('a'), pod('a', { ...next, ordinal: 1 })]);
    assert.deepEqual([isUntouchedBump(entry, added), outcome(added)], [false, 'under way']);
  });
});
