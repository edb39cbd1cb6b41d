/** Conformance of StatefulSets without a roll: how pods are created and deleted, their content, and the status. */
import assert from 'node:assert/strict';
import { Pods } from '../../runtime/kube/resources.ts';
import { isReady, isRunning, Subject } from './conformance-sets.ts';
import { type Check, check } from './conformant.ts';

const SOON_MS = 700;

export const SCALE_CHECKS: readonly Check[] = [
  check('OrderedReady: the second pod is made when the first is Ready', async (cluster) => {
    const subject = await Subject.create(cluster, { replicas: 2, readyByItself: false });
    await subject.untilPod(0, 'runs', isRunning);
    await cluster.pass(SOON_MS);
    assert.equal(await subject.pod(1), undefined);
    await cluster.makeReady(subject.podName(0));
    await subject.untilPod(1, 'is made', () => true);
  }),
  check('Parallel: all pods are made at once', async (cluster) => {
    const subject = await Subject.create(cluster, {
      replicas: 3,
      readyByItself: false,
      podManagementPolicy: 'Parallel',
    });
    await subject.untilPod(2, 'runs', isRunning);
    assert.equal((await subject.uids()).length, 3);
  }),
  check('the status counts pods, Ready ones and revisions', async (cluster) => {
    const subject = await Subject.create(cluster, { replicas: 2, readyByItself: false });
    await subject.untilPod(0, 'runs', isRunning);
    await cluster.until('one pod is counted', async () => (await subject.status()).replicas === 1);
    const waiting = await subject.status();
    assert.equal(waiting.readyReplicas ?? 0, 0);
    assert.equal(waiting.updatedReplicas, 1);
    await cluster.makeReady(subject.podName(0));
    await subject.untilPod(1, 'runs', isRunning);
    await cluster.makeReady(subject.podName(1));
    await subject.untilSettled(2);
    const { observedGeneration, currentReplicas, currentRevision, updateRevision } = await subject.status();
    assert.deepEqual([observedGeneration, currentReplicas], [1, 2]);
    assert.equal(currentRevision, updateRevision);
    assert.match(String(currentRevision), /^web-[a-z0-9]+$/);
  }),
  check('a pod has the template, its identity, its owner and its revision', async (cluster) => {
    const subject = await Subject.create(cluster, {});
    await subject.untilSettled(1);
    const { metadata, spec } = (await subject.pod(0)) ?? assert.fail();
    const set = await subject.set();
    assert.equal(metadata.annotations?.inherited, 'yes');
    assert.equal(metadata.labels?.app, 'web');
    const { currentRevision } = await subject.status();
    assert.equal(metadata.labels?.['controller-revision-hash'], currentRevision);
    const [owner] = metadata.ownerReferences ?? [];
    assert.deepEqual(
      [owner?.apiVersion, owner?.kind, owner?.name, owner?.uid, owner?.controller],
      ['apps/v1', 'StatefulSet', 'web', set.metadata.uid, true],
    );
    const { hostname, subdomain } = spec as Record<string, unknown>;
    assert.deepEqual([hostname, subdomain], ['web-0', 'web-headless']);
  }),
  check("a running pod's status: phase, conditions, address, starts", async (cluster) => {
    const subject = await Subject.create(cluster, { readyByItself: false });
    await subject.untilPod(0, 'runs', isRunning);
    await cluster.makeReady(subject.podName(0));
    const pod = await subject.untilPod(0, 'is Ready', isReady);
    const status = pod.status as {
      podIP: string;
      podIPs: unknown;
      conditions: Array<{ type: string; status: string; lastTransitionTime: string }>;
      containerStatuses: Array<{ restartCount: number; state: { running: { startedAt: string } } }>;
    };
    assert.match(status.podIP, /^127(\.\d+){3}$/);
    assert.deepEqual(status.podIPs, [{ ip: status.podIP }]);
    const scheduled = status.conditions.find(({ type }) => type === 'PodScheduled');
    assert.equal(scheduled?.status, 'True');
    assert.match(scheduled?.lastTransitionTime ?? '', /^[\d-]+T[\d:]+Z$/);
    const [main] = status.containerStatuses;
    assert.equal(main?.restartCount, 0);
    assert.match(main?.state.running.startedAt ?? '', /^[\d-]+T[\d:]+Z$/);
  }),
  check('a deleted pod is terminating for a while, and then another takes its name', async (cluster) => {
    const subject = await Subject.create(cluster, {});
    await subject.untilSettled(1);
    const { uid = '' } = (await subject.pod(0))?.metadata ?? {};
    await cluster.kube.delete({ resource: Pods, ...subject.podName(0) }, { uid });
    const dying = await subject.pod(0);
    if (dying?.metadata.uid === uid) assert.ok(dying.metadata.deletionTimestamp);
    const next = await subject.untilPod(0, 'is replaced', ({ metadata }) => metadata.uid !== uid);
    assert.equal(next.metadata.deletionTimestamp, undefined);
    await subject.untilSettled(1);
  }),
  check('scaled to 0, all pods go; scaled up again, they come back', async (cluster) => {
    const subject = await Subject.create(cluster, { replicas: 2 });
    await subject.untilSettled(2);
    const scale = (value: number) =>
      cluster.kube.patch(subject.ref, [{ op: 'replace', path: '/spec/replicas', value }]);
    await scale(0);
    await cluster.until('all are gone', async () => (await subject.uids()).length === 0);
    await subject.untilSettled(0);
    const told = Object.keys(await subject.status()).filter((key) => key.endsWith('Replicas'));
    assert.deepEqual(told, ['availableReplicas'], 'most zeros are left out');
    await scale(1);
    await subject.untilSettled(1);
  }),
  check('scaled down, the highest pods go first', async (cluster) => {
    const subject = await Subject.create(cluster, { replicas: 3 });
    await subject.untilSettled(3);
    const [first] = await subject.uids();
    await cluster.kube.patch(subject.ref, [{ op: 'replace', path: '/spec/replicas', value: 1 }]);
    await subject.untilSettled(1);
    await cluster.until('two are gone', async () => (await subject.uids()).length === 1);
    assert.deepEqual(await subject.uids(), [first]);
  }),
  check('OrderedReady: scaling down waits for a lower pod that is not Ready', async (cluster) => {
    const subject = await Subject.create(cluster, { replicas: 2, readyByItself: false });
    for (const ordinal of [0, 1]) {
      await subject.untilPod(ordinal, 'runs', isRunning);
      await cluster.makeReady(subject.podName(ordinal));
    }
    await subject.untilSettled(2);
    await cluster.makeNotReady(subject.podName(0));
    await cluster.until('it is seen', async () => (await subject.status()).readyReplicas === 1);
    await cluster.kube.patch(subject.ref, [{ op: 'replace', path: '/spec/replicas', value: 1 }]);
    await subject.untilObserved();
    await cluster.pass(SOON_MS);
    assert.equal((await subject.uids()).length, 2);
    await cluster.makeReady(subject.podName(0));
    await cluster.until('the higher one goes', async () => (await subject.uids()).length === 1);
  }),
  check('when a StatefulSet is deleted, its pods follow', async (cluster) => {
    const subject = await Subject.create(cluster, { replicas: 2 });
    await subject.untilSettled(2);
    await cluster.kube.delete(subject.ref, {});
    await cluster.until('the pods are gone', async () => (await subject.uids()).length === 0);
  }),
];
