/** Conformance of rolls: what a change of a StatefulSet's template does to its pods, and when. */
import assert from 'node:assert/strict';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Pods } from '../../runtime/kube/resources.ts';
import { isReady, isRunning, RESTART, Subject } from './conformance-sets.ts';
import { type Check, check } from './conformant.ts';

const SOON_MS = 700;
const uidOf = async (subject: Subject, ordinal = 0) => (await subject.pod(ordinal))?.metadata.uid;

const ONE_POD: readonly Check[] = [
  check('an annotation on the template rolls a Ready pod, which inherits it', async (cluster) => {
    const subject = await Subject.create(cluster, {});
    await subject.untilSettled(1);
    const before = await subject.status();
    const uid = await uidOf(subject);
    await subject.annotate('1');
    const next = await subject.untilPod(0, 'is replaced', ({ metadata }) => metadata.uid !== uid);
    assert.equal(next.metadata.annotations?.[RESTART], '1');
    await subject.untilSettled(1);
    assert.notEqual((await subject.status()).currentRevision, before.currentRevision);
    assert.equal((await subject.status()).observedGeneration, 2);
  }),
  check('while a roll is under way the status tells old and new revision apart', async (cluster) => {
    const subject = await Subject.create(cluster, { replicas: 2, readyByItself: false });
    for (const ordinal of [0, 1]) {
      await subject.untilPod(ordinal, 'runs', isRunning);
      await cluster.makeReady(subject.podName(ordinal));
    }
    await subject.untilSettled(2);
    const old = (await subject.status()).currentRevision;
    const uid = await uidOf(subject, 1);
    await subject.annotate('1');
    await subject.untilPod(1, 'is replaced', (pod) => pod.metadata.uid !== uid && isRunning(pod));
    await cluster.until(
      'the status has followed',
      async () => (await subject.status()).updatedReplicas === 1,
    );
    const status = await subject.status();
    assert.equal(status.currentRevision, old);
    assert.notEqual(status.updateRevision, old);
    assert.deepEqual([status.replicas, status.readyReplicas, status.currentReplicas], [2, 1, 1]);
  }),
  check(
    'a roll that is undone goes on until the pod is as before, although the status names only the former revision',
    async (cluster) => {
      const subject = await Subject.create(cluster, { readyByItself: false });
      await subject.untilPod(0, 'runs', isRunning);
      await cluster.makeReady(subject.podName(0));
      await subject.untilSettled(1);
      const first = await uidOf(subject);
      await subject.annotate('1');
      const { metadata } = await subject.untilPod(
        0,
        'is replaced',
        (pod) => pod.metadata.uid !== first && isRunning(pod),
      );
      await subject.annotate(undefined);
      await subject.untilObserved();
      await cluster.pass(SOON_MS);
      const { currentRevision, updateRevision, replicas } = await subject.status();
      assert.deepEqual([currentRevision, replicas], [updateRevision, 1]);
      assert.equal(await uidOf(subject), metadata.uid);
      await cluster.makeReady(subject.podName(0));
      const last = await subject.untilPod(0, 'is replaced', (pod) => pod.metadata.uid !== metadata.uid);
      assert.equal(last.metadata.annotations?.[RESTART], undefined);
    },
  ),
  check(
    'OrderedReady: after a bump, a pod that was never Ready is left alone, and killed as soon as it is Ready',
    async (cluster) => {
      const subject = await Subject.create(cluster, { readyByItself: false });
      const { metadata } = await subject.untilPod(0, 'runs', isRunning);
      await subject.annotate('1');
      await subject.untilObserved();
      await cluster.pass(SOON_MS);
      assert.equal(await uidOf(subject), metadata.uid);
      await cluster.makeReady(subject.podName(0));
      await subject.untilPod(0, 'is replaced', (pod) => pod.metadata.uid !== metadata.uid);
    },
  ),
  check(
    'OrderedReady: after a bump, a pod that has lost readiness is left alone until it is Ready again',
    async (cluster) => {
      const subject = await Subject.create(cluster, { readyByItself: false });
      const { metadata } = await subject.untilPod(0, 'runs', isRunning);
      await cluster.makeReady(subject.podName(0));
      await subject.untilSettled(1);
      await cluster.makeNotReady(subject.podName(0));
      await subject.untilPod(0, 'is not Ready', (pod) => !isReady(pod));
      await cluster.until('it is seen', async () => ((await subject.status()).readyReplicas ?? 0) === 0);
      await subject.annotate('1');
      await subject.untilObserved();
      await cluster.pass(SOON_MS);
      assert.equal(await uidOf(subject), metadata.uid);
      await cluster.makeReady(subject.podName(0));
      await subject.untilPod(0, 'is replaced', (pod) => pod.metadata.uid !== metadata.uid);
    },
  ),
  check(
    'a bump that is taken back before the pod is Ready replaces no pod, and the old revision is back',
    async (cluster) => {
      const subject = await Subject.create(cluster, { readyByItself: false });
      const { metadata } = await subject.untilPod(0, 'runs', isRunning);
      const { updateRevision } = await subject.status();
      await subject.annotate('1');
      await subject.untilObserved();
      assert.notEqual((await subject.status()).updateRevision, updateRevision);
      await subject.annotate(undefined);
      await subject.untilObserved();
      await cluster.makeReady(subject.podName(0));
      await subject.untilSettled(1);
      await cluster.pass(SOON_MS);
      assert.equal(await uidOf(subject), metadata.uid);
      assert.equal((await subject.status()).updateRevision, updateRevision);
    },
  ),
  check(
    'OrderedReady: a deleted not-Ready pod of an old revision comes back with the new revision',
    async (cluster) => {
      const subject = await Subject.create(cluster, { readyByItself: false });
      const { metadata } = await subject.untilPod(0, 'runs', isRunning);
      await subject.annotate('1');
      await subject.untilObserved();
      await cluster.kube.delete({ resource: Pods, ...subject.podName(0) }, { uid: metadata.uid ?? '' });
      const next = await subject.untilPod(0, 'is replaced', (pod) => pod.metadata.uid !== metadata.uid);
      assert.equal(next.metadata.annotations?.[RESTART], '1');
    },
  ),
  check('Parallel: a pod that is not Ready is replaced by a bump at once', async (cluster) => {
    const subject = await Subject.create(cluster, {
      readyByItself: false,
      podManagementPolicy: 'Parallel',
    });
    const { metadata } = await subject.untilPod(0, 'runs', isRunning);
    await subject.annotate('1');
    await subject.untilPod(0, 'is replaced', (pod) => pod.metadata.uid !== metadata.uid);
  }),
];

/** Three Ready pods, and a bump: which pods are replaced, by ordinal. */
const held = (name: string, updateStrategy: object, replaced: readonly boolean[]): Check => ({
  name,
  run: async (cluster) => {
    const subject = await Subject.create(cluster, { replicas: 3, updateStrategy });
    await subject.untilSettled(3);
    const before = await subject.uids();
    await subject.annotate('1');
    await subject.untilObserved();
    const expected = replaced.filter((each) => each).length;
    await cluster.until('the roll has come as far as it may', async () => {
      const { readyReplicas, updatedReplicas = 0 } = await subject.status();
      return readyReplicas === 3 && updatedReplicas === expected;
    });
    await cluster.pass(SOON_MS);
    const after = await subject.uids();
    assert.deepEqual(
      after.map((uid, ordinal) => uid !== before[ordinal]),
      replaced,
    );
  },
});

/** With this update strategy a bump replaces no pod. Returns the annotation of the pod that follows a deleted pod. */
const comesBack = (
  name: string,
  { updateStrategy, annotation }: { updateStrategy: object; annotation: string | undefined },
): Check =>
  check(name, async (cluster) => {
    const subject = await Subject.create(cluster, { updateStrategy });
    await subject.untilSettled(1);
    await subject.annotate('1');
    await subject.untilObserved();
    const uid = await uidOf(subject);
    await cluster.kube.delete({ resource: Pods, ...subject.podName(0) }, {});
    const next = await subject.untilPod(0, 'is replaced', ({ metadata }) => metadata.uid !== uid);
    assert.equal(next.metadata.annotations?.[RESTART], annotation);
  });

const MANY_PODS: readonly Check[] = [
  check(
    'several pods roll one at a time, the highest ordinal first, each when the former pod is Ready again',
    async (cluster) => {
      const subject = await Subject.create(cluster, { replicas: 3, readyByItself: false });
      for (const ordinal of [0, 1, 2]) {
        await subject.untilPod(ordinal, 'runs', isRunning);
        await cluster.makeReady(subject.podName(ordinal));
      }
      await subject.untilSettled(3);
      const before = await subject.uids();
      await subject.annotate('1');
      for (const ordinal of [2, 1, 0]) {
        const isNew = (pod: KubeObject) => pod.metadata.uid !== before[ordinal] && isRunning(pod);
        await subject.untilPod(ordinal, 'is replaced', isNew);
        await cluster.pass(SOON_MS);
        const lower = (await subject.uids()).slice(0, ordinal);
        assert.deepEqual(lower, before.slice(0, ordinal), 'the lower ones wait');
        await cluster.makeReady(subject.podName(ordinal));
      }
      await subject.untilSettled(3);
    },
  ),
  held('a partition holds the pods below it', { type: 'RollingUpdate', rollingUpdate: { partition: 2 } }, [
    false,
    false,
    true,
  ]),
  held('OnDelete holds all pods', { type: 'OnDelete' }, [false, false, false]),
  comesBack('with a partition, a pod below it that is deleted comes back as it was', {
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } },
    annotation: undefined,
  }),
  comesBack('OnDelete: a pod that is deleted comes back with the new template', {
    updateStrategy: { type: 'OnDelete' },
    annotation: '1',
  }),
];

export const ROLL_CHECKS: readonly Check[] = [...ONE_POD, ...MANY_PODS];
