/**
 * What became of an open restart of StatefulSet `a`, whose pod `pod-a` was to be replaced:
 *
 *   by      | the old pod                | the new pod           | StatefulSet | outcome
 *   --------|----------------------------|-----------------------|-------------|------------------------
 *   either  |                            |                       | gone        | gone
 *   bump    | there, template has token  |                       |             | under way, for ever
 *   bump    | there, template has not    |                       |             | void after 20 s
 *   delete  | there, being deleted       |                       |             | under way, for ever
 *   delete  | there, untouched           |                       |             | void after 20 s
 *   either  | gone                       | not there yet         |             | under way
 *   bump    | gone                       | Ready                 | not settled | under way
 *   bump    | gone                       | not Ready             | settled     | under way
 *   bump    | gone                       | Ready, injected       | settled     | done
 *   bump    | gone                       | Ready, not injected   | settled     | notInjected *
 *   bump    | gone                       | neither               |             | notInjected *, at once **
 *   delete  | gone                       | does not run yet      |             | under way
 *   delete  | gone                       | runs, injected        |             | done, Ready or not
 *   delete  | gone                       | not injected          |             | notInjected *, at once
 *   delete  | gone                       | being deleted again   |             | under way
 *
 *   ** once the template has the token, or after 20 s: until then that pod may be older than the write.
 *   * to the leader that began it and has watched since; to any other it is unwitnessed, ** after two minutes.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JournalEntry, RestartKind } from '../../../reconciler/plan/journal/journal.ts';
import { outcomeOf } from '../../../reconciler/plan/restarts/outcome.ts';
import { node, type Parts, pod, statefulSet, worldWith } from '../world.ts';
import { restartOf } from './group.ts';

const YEAR_MS = 365 * 86_400_000;
const entryOf = (kind: RestartKind): JournalEntry => restartOf('a', { kind, token: 'hash.digest' });

const judged = (kind: RestartKind, parts: Parts, witness: { passedMs?: number; watched?: boolean } = {}) => {
  const { passedMs = 1_000, watched = true } = witness;
  const world = worldWith({ nodes: [node('a')], ...parts });
  return outcomeOf(entryOf(kind), world, { seenForMs: passedMs, watched }) ?? 'under way';
};
/** The same for the leader that began the restart. */
const outcome = (kind: RestartKind, parts: Parts, passedMs?: number) =>
  judged(kind, parts, passedMs === undefined ? {} : { passedMs });

const bumped = (token: string) => statefulSet('a', { annotations: { 'stellar.org/peer-restart': token } });
const settled = { statefulSets: [bumped('hash.digest')] };
const next = (options: Parameters<typeof pod>[1] = {}) => pod('a', { uid: 'the-next', ...options });

describe('a restart whose StatefulSet is gone', () => {
  it('is closed', () => {
    assert.equal(outcome('bump', {}), 'gone');
    assert.equal(outcome('delete', { pods: [pod('a')] }), 'gone');
  });
});

describe('a restart whose old pod is still there', () => {
  it('is under way as long as its write shows', () => {
    const deleting = pod('a', { deletionTimestamp: '2026-06-01T00:00:01Z' });
    assert.equal(outcome('bump', { ...settled, pods: [pod('a')] }, YEAR_MS), 'under way');
    assert.equal(outcome('delete', { ...settled, pods: [deleting] }, YEAR_MS), 'under way');
  });

  it('counts as not carried out if its write does not show after 20 s', () => {
    for (const token of ['hash.of-others', undefined]) {
      const statefulSets = [token === undefined ? statefulSet('a') : bumped(token)];
      assert.equal(outcome('bump', { statefulSets, pods: [pod('a')] }, 19_999), 'under way');
      assert.equal(outcome('bump', { statefulSets, pods: [pod('a')] }, 20_000), 'void');
    }
    assert.equal(outcome('delete', { ...settled, pods: [pod('a')] }, 19_999), 'under way');
    assert.equal(outcome('delete', { ...settled, pods: [pod('a')] }, 20_000), 'void');
  });
});

describe('a bump whose old pod is gone', () => {
  it('is under way until the StatefulSet has settled and all its pods are Ready', () => {
    const rolling = { statefulSets: [statefulSet('a', { status: { updateRevision: 'r2' } })] };
    const unobserved = { statefulSets: [statefulSet('a', { status: { observedGeneration: 0 } })] };
    assert.equal(outcome('bump', settled, YEAR_MS), 'under way');
    assert.equal(outcome('bump', { ...rolling, pods: [next()] }, YEAR_MS), 'under way');
    assert.equal(outcome('bump', { ...unobserved, pods: [next()] }, YEAR_MS), 'under way');
    assert.equal(outcome('bump', { ...settled, pods: [next({ ready: false })] }, YEAR_MS), 'under way');
  });

  it('is done if the new pod is Ready and injected, and notInjected if the new pod is not injected', () => {
    assert.equal(outcome('bump', { ...settled, pods: [next()] }), 'done');
    assert.equal(outcome('bump', { ...settled, pods: [next({ injected: false })] }), 'notInjected');
  });

  it('is notInjected if the new pod is neither injected nor Ready, because without peers it may never be Ready', () => {
    const rolling = { 'stellar.org/peer-restart': 'hash.digest' };
    const half = statefulSet('a', { annotations: rolling, status: { updateRevision: 'r2' } });
    const deaf = next({ injected: false, ready: false, revision: 'r2' });
    assert.equal(outcome('bump', { statefulSets: [half], pods: [deaf] }, 0), 'notInjected');
    const leaving = { ...deaf, metadata: { ...deaf.metadata, deletionTimestamp: '2026-06-01T00:00:01Z' } };
    assert.equal(outcome('bump', { statefulSets: [half], pods: [leaving] }, YEAR_MS), 'under way');
  });

  it('is under way while a new pod without injection may be older than the write, which does not show yet', () => {
    const parts = {
      statefulSets: [statefulSet('a')],
      pods: [next({ injected: false, ready: false })],
    };
    assert.equal(outcome('bump', parts, 19_999), 'under way');
    assert.equal(outcome('bump', parts, 20_000), 'notInjected');
  });

  it('is notInjected for the first of several pods, because the controller would wait for this pod for ever', () => {
    const spec = { replicas: 2 };
    const two = statefulSet('a', { spec, annotations: { 'stellar.org/peer-restart': 'hash.digest' } });
    const first = pod('a', { uid: 'pod-a-0' });
    const second = next({ ordinal: 1, injected: false, ready: false });
    const world = worldWith({ nodes: [node('a')], statefulSets: [two], pods: [first, second] });
    const entry = { ...entryOf('bump'), uids: ['pod-a-0', 'pod-a-1'], names: ['a-0', 'a-1'] };
    assert.equal(outcomeOf(entry, world, { seenForMs: 0, watched: true }), 'notInjected');
  });

  it('is judged by no pod that came with a change of size', () => {
    const two = statefulSet('a', { spec: { replicas: 2 } });
    const second = next({ ordinal: 1, injected: false, uid: 'second' });
    const world = worldWith({ nodes: [node('a')], statefulSets: [two], pods: [next(), second] });
    const entry = { ...entryOf('bump'), names: ['a-0'] };
    assert.equal(outcomeOf(entry, world, { seenForMs: 0, watched: true }), 'done');
  });

  it('waits for every pod of the StatefulSet', () => {
    const two = { statefulSets: [statefulSet('a', { spec: { replicas: 2 } })] };
    const second = (ready: boolean) => pod('a', { ordinal: 1, uid: 'second', ready });
    assert.equal(outcome('bump', { ...two, pods: [next(), second(false)] }), 'under way');
    assert.equal(outcome('bump', { ...two, pods: [next(), second(true)] }), 'done');
  });
});

describe('a delete whose old pod is gone', () => {
  it('is under way until the new pod runs', () => {
    assert.equal(outcome('delete', settled, YEAR_MS), 'under way');
    assert.equal(outcome('delete', { ...settled, pods: [next({ phase: 'Pending' })] }, YEAR_MS), 'under way');
    const again = next({ deletionTimestamp: '2026-06-01T00:00:01Z' });
    assert.equal(outcome('delete', { ...settled, pods: [again] }, YEAR_MS), 'under way');
  });

  it('is done when the new pod runs, even if this pod is not Ready', () => {
    assert.equal(outcome('delete', { ...settled, pods: [next({ ready: false })] }), 'done');
  });

  it('is notInjected if the new pod is not injected, even before the pod runs', () => {
    const pods = [next({ injected: false, phase: 'Pending', ready: false })];
    assert.equal(outcome('delete', { ...settled, pods }), 'notInjected');
  });
});

describe('of a StatefulSet with several pods, a delete', () => {
  it('is judged by the pod that was deleted alone', () => {
    const second = {
      ...next({ injected: false }),
      metadata: { ...pod('a').metadata, name: 'a-1', uid: 'bare' },
    };
    const parts = {
      statefulSets: [statefulSet('a', { spec: { replicas: 2 } })],
      pods: [next({ ready: false }), second],
    };
    const world = worldWith({ nodes: [node('a')], ...parts });
    const witness = { seenForMs: 0, watched: true };
    assert.equal(outcomeOf({ ...entryOf('delete'), names: ['a-0'] }, world, witness), 'done');
    assert.equal(outcomeOf({ ...entryOf('delete'), names: ['a-1'] }, world, witness), 'notInjected');
    const gone = worldWith({ nodes: [node('a')], ...parts, pods: [second] });
    assert.equal(outcomeOf({ ...entryOf('delete'), names: ['a-0'] }, gone, witness), undefined);
  });
});

describe('a new pod that is not injected', () => {
  it('and not Ready has two minutes to become Ready, for a leader that did not see the whole restart', () => {
    const parts = { ...settled, pods: [next({ injected: false, ready: false })] };
    assert.equal(judged('bump', parts, { watched: false, passedMs: 119_999 }), 'under way');
    assert.equal(judged('bump', parts, { watched: false, passedMs: 120_000 }), 'unwitnessed');
  });

  it('gives the outcome `unwitnessed` for a leader that did not see the whole restart', () => {
    const parts = { ...settled, pods: [next({ injected: false })] };
    for (const kind of ['bump', 'delete'] as const) {
      assert.equal(judged(kind, parts, { watched: true }), 'notInjected');
      assert.equal(judged(kind, parts, { watched: false }), 'unwitnessed');
    }
  });

  it('is the only case in which such a leader sees another outcome', () => {
    for (const parts of [{}, settled, { ...settled, pods: [pod('a')] }, { ...settled, pods: [next()] }]) {
      for (const kind of ['bump', 'delete'] as const) {
        const passedMs = 20_000;
        const [seen, unseen] = [true, false].map((watched) => judged(kind, parts, { passedMs, watched }));
        assert.equal(unseen, seen);
      }
    }
  });
});
