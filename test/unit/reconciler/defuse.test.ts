/** A bump on a pod that turned not Ready would kill it as soon as it is Ready again: it is taken back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../../reconciler/journal.ts';
import { isToBeDefused } from '../../../reconciler/outcome.ts';
import { Events } from '../../../runtime/resources.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { node, type Parts, pod, statefulSet, worldWith } from '../world.ts';
import { NOW_MS } from './group.ts';
import { JOINED, podRef, Restarting, statefulSetRef } from './restarting.ts';

const READY = '/status/conditions/0/status';

const ENTRY: Entry = {
  statefulSet: 'stellar/a',
  kind: 'bump',
  uids: ['pod-a'],
  token: 'hash.digest',
  drift: 'short',
  atMs: NOW_MS,
};
const bumped = (token = 'hash.digest', spec = {}) =>
  statefulSet('a', { annotations: { 'stellar.org/peer-restart': token }, spec });
const judged = (parts: Parts, entry: Partial<Entry> = {}) =>
  isToBeDefused({ ...ENTRY, ...entry }, worldWith({ nodes: [node('a')], ...parts }));

describe('a bump is to be taken back', () => {
  const notReady = pod('a', { ready: false });

  it('while its pod, still the old one, is not Ready', () => {
    assert.equal(judged({ statefulSets: [bumped()], pods: [notReady] }), true);
    assert.equal(judged({ statefulSets: [bumped()], pods: [pod('a')] }), false, 'Ready');
  });

  it('not once a pod is being replaced, or was', () => {
    const deleting = pod('a', { ready: false, deletionTimestamp: '2026-06-01T00:00:01Z' });
    assert.equal(judged({ statefulSets: [bumped()], pods: [deleting] }), false);
    assert.equal(judged({ statefulSets: [bumped()], pods: [] }), false);
    assert.equal(
      judged({ statefulSets: [bumped()], pods: [pod('a', { uid: 'next', ready: false })] }),
      false,
    );
  });

  it('not where the template has another token, the StatefulSet is gone, or it was a delete', () => {
    assert.equal(judged({ statefulSets: [bumped('of-others')], pods: [notReady] }), false);
    assert.equal(judged({ pods: [notReady] }), false);
    assert.equal(judged({ statefulSets: [bumped()], pods: [notReady] }, { kind: 'delete' }), false);
  });

  it('with several pods, as long as none was replaced', () => {
    const second = (options: Parameters<typeof pod>[1] = {}) => {
      const raw = pod('a', { uid: 'second', ...options });
      return { ...raw, metadata: { ...raw.metadata, name: 'a-1' } };
    };
    const statefulSets = [bumped('hash.digest', { replicas: 2 })];
    const both = { uids: ['pod-a', 'second'] };
    assert.equal(judged({ statefulSets, pods: [notReady, second()] }, both), true);
    const replaced = second({ uid: 'next', ready: false });
    assert.equal(judged({ statefulSets, pods: [pod('a'), replaced] }, both), false);
    assert.equal(judged({ statefulSets, pods: [notReady, replaced] }, both), false);
  });
});

/** A stage on which validator `a` was bumped, and its pod then turned not Ready. */
async function turned(annotations: Record<string, string> = {}) {
  const stage = new Restarting({ ...JOINED, a: { knows: ['b', 'c'], statefulSet: { annotations } } });
  const before = structuredClone(stage.kube.observe(statefulSetRef('a'))?.spec);
  const lane = stage.lane();
  const offer = async () => {
    const { world, plans } = await stage.plans();
    lane.offer(plans, world, stage.inputFor);
    await lane.idle();
  };
  await offer();
  assert.equal(stage.tokens().a?.includes('.'), true);
  await stage.change(podRef('a'), { op: 'replace', path: READY, value: 'False' });
  return { stage, lane, offer, before };
}

const templateOf = (spec: unknown) => JSON.stringify((spec as { template: unknown }).template);

describe('taking a bump back', () => {
  it('puts the template back as it was, and closes the journal', async () => {
    for (const annotations of [{}, { 'stellar.org/peer-restart': 'earlier' }, { other: 'kept' }]) {
      const { stage, offer, before } = await turned(annotations as Record<string, string>);
      await offer();
      assert.equal(templateOf(stage.kube.observe(statefulSetRef('a'))?.spec), templateOf(before));
      assert.deepEqual(stage.outcomes(), ['stellar/a: defused']);
    }
  });

  it('is told, and nothing of the group is restarted for a minute', async () => {
    const { stage, offer } = await turned();
    await offer();
    const { items } = await stage.kube.list(Events);
    assert.ok(items.some(({ reason }) => reason === 'RestartTakenBack'));
    await stage.change(podRef('a'), { op: 'replace', path: READY, value: 'True' });
    await offer();
    assert.deepEqual(stage.outcomes(), ['stellar/a: defused']);
    stage.clock.advance(60_000);
    await offer();
    assert.deepEqual(stage.outcomes(), ['stellar/a: defused', 'stellar/a: open']);
  });

  it('does not happen where the pod is Ready again by then, or another replica leads', async () => {
    const { stage, offer } = await turned();
    stage.before(/^list .*\/pods/, async () => undefined);
    stage.mayWrite = () => false;
    await offer();
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.equal(stage.tokens().a?.includes('.'), true);
  });

  it('is tried again where somebody wrote in between, or no answer came', async () => {
    for (const error of [
      failure(409, 'Conflict', 'no'),
      failure(0, '', 'no answer'),
      failure(500, '', 'no'),
    ]) {
      const { stage, lane, offer } = await turned();
      stage.before(/^patch .*statefulsets/, async () => {
        throw error;
      });
      await offer();
      assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
      stage.clock.advance(lane.retryInMs() ?? 0);
      await offer();
      assert.deepEqual(stage.outcomes(), ['stellar/a: defused']);
    }
  });

  it('is finished by another leader that finds it done and not noted', async () => {
    const { stage, offer } = await turned();
    stage.before(/^replace .*restarts/, async () => {
      throw failure(0, '', 'no answer');
    });
    await offer();
    assert.deepEqual([stage.outcomes(), stage.tokens().a], [['stellar/a: open'], undefined]);
    const next = stage.lane();
    for (const _ of [1, 2]) {
      const { world, plans } = await stage.plans();
      next.offer(plans, world, stage.inputFor);
      await next.idle();
      stage.clock.advance(20_000);
    }
    assert.deepEqual(stage.outcomes(), ['stellar/a: void']);
  });
});
