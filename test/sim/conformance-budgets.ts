/** Conformance of PodDisruptionBudgets: the numbers of their status. */
import assert from 'node:assert/strict';
import { PodDisruptionBudgets } from '../../runtime/kube/resources.ts';
import { isReady, isRunning, Subject } from './conformance-sets.ts';
import { type Check, type Conformant, check } from './conformant.ts';

async function withBudget(cluster: Conformant, subject: Subject, limit: object) {
  const { namespace, name } = subject;
  await cluster.kube.create(PodDisruptionBudgets, {
    apiVersion: PodDisruptionBudgets.apiVersion,
    kind: PodDisruptionBudgets.kind,
    metadata: { name, namespace },
    spec: { ...limit, selector: { matchLabels: { app: name } } },
  });
  return async () => {
    const pdb = await cluster.kube.get({ resource: PodDisruptionBudgets, namespace, name });
    const status = (pdb?.status ?? {}) as Record<string, number>;
    const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed, observedGeneration } = status;
    return observedGeneration === pdb?.metadata.generation
      ? [expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed].join()
      : 'not observed';
  };
}

/** The numbers over three Ready pods, as `expected,desired,healthy,allowed`. */
const ofThree = (limit: object, numbers: string): Check => ({
  name: `a budget over three Ready pods with ${JSON.stringify(limit)}: ${numbers}`,
  run: async (cluster) => {
    const subject = await Subject.create(cluster, { replicas: 3, podManagementPolicy: 'Parallel' });
    await subject.untilSettled(3);
    const told = await withBudget(cluster, subject, limit);
    await cluster.until(`it says ${numbers}`, async () => (await told()) === numbers);
  },
});

export const BUDGET_CHECKS: readonly Check[] = [
  ofThree({ minAvailable: 2 }, '3,2,3,1'),
  ofThree({ minAvailable: 3 }, '3,3,3,0'),
  ofThree({ minAvailable: '50%' }, '3,2,3,1'),
  ofThree({ minAvailable: '100%' }, '3,3,3,0'),
  ofThree({ maxUnavailable: 1 }, '3,2,3,1'),
  ofThree({ maxUnavailable: 0 }, '3,3,3,0'),
  ofThree({ maxUnavailable: '34%' }, '3,1,3,2'),
  check('a budget follows readiness, deletion and a change of its own spec', async (cluster) => {
    const subject = await Subject.create(cluster, { readyByItself: false });
    const told = await withBudget(cluster, subject, { maxUnavailable: 1 });
    const says = (numbers: string) =>
      cluster.until(`it says ${numbers}`, async () => (await told()) === numbers);
    await subject.untilPod(0, 'runs', isRunning);
    await says('1,0,0,0');
    await cluster.makeReady(subject.podName(0));
    await says('1,0,1,1');
    await cluster.makeNotReady(subject.podName(0));
    await subject.untilPod(0, 'is not Ready', (pod) => !isReady(pod));
    await says('1,0,0,0');
    const ref = { resource: PodDisruptionBudgets, namespace: subject.namespace, name: subject.name };
    await cluster.kube.patch(ref, [{ op: 'replace', path: '/spec/maxUnavailable', value: 0 }]);
    await says('1,1,0,0');
    assert.equal((await cluster.kube.get(ref))?.metadata.generation, 2);
  }),
  check('a budget over no pod allows nothing', async (cluster) => {
    const subject = await Subject.create(cluster, { replicas: 0 });
    const told = await withBudget(cluster, subject, { minAvailable: 1 });
    await cluster.until('it says so', async () => (await told()) === '0,1,0,0');
  }),
];
