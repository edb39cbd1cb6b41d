/** Unusual StatefulSets, and StatefulSets that their operator or a person is changing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigMaps, StatefulSets } from '../../runtime/kube/resources.ts';
import { FOUR, Network } from '../cluster/network.ts';
import { quorumSpec } from '../cluster/quorum-sets.ts';
import { podNow } from '../cluster/scene.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { READY_HINT } from '../cluster/stages.ts';
import { untilWaiting } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const TWO = ['validator-1', 'validator-2'];
const THREE = [...TWO, 'validator-3'];

describe('StatefulSets', () => {
  const scene = startedScene(() => sharedScene());

  const kubectl = (network: Network, ...args: string[]) =>
    scene.cluster.kubectl(['-n', network.namespace, ...args]);
  const patch = (network: Network, name: string, spec: object) =>
    kubectl(network, 'patch', 'statefulset', name, '--type=merge', '-p', JSON.stringify({ spec }));
  /** Changes the StellarNode, because the operator acts only on changes of StellarNodes. */
  const touch = (network: Network, name: string) =>
    kubectl(network, 'annotate', 'stellarnode', name, 'test/touched=true');

  const generationOf = async ({ namespace }: Network, name: string) =>
    (await scene.cluster.admin.get({ resource: StatefulSets, namespace, name }))?.metadata.generation;

  const wait = (network: Network, reason: string, names: readonly string[]) =>
    untilWaiting(scene, { namespace: network.namespace, names, reason });

  it('with two replicas: both pods are restarted in turn, and not while one of them is down', async () => {
    const network = new Network(scene, 'replicas');
    await scene.cluster.createNamespace('replicas');
    await network.add('validator-1', { spec: { replicas: 2 } });
    await network.add('validator-2');
    const pods = ['validator-1-0', 'validator-1-1', 'validator-2-0'];
    const ready = (pod: string) => scene.pods.isReady(`replicas/${pod}`);
    await scene.pods.until('all three are Ready', () => pods.every(ready));
    await kubectl(network, 'annotate', 'pod', 'validator-1-1', `${READY_HINT}=lost`);
    await scene.pods.until('validator-1-1 is not Ready', () => !ready('validator-1-1'));
    await network.add('validator-3');
    await wait(network, 'CatchingUp', ['validator-1']);
    await wait(network, 'WaitingForUnavailable', ['validator-2']);
    await network.settledAsTheyWere();
    await kubectl(network, 'annotate', 'pod', 'validator-1-1', `${READY_HINT}-`);
    const restarts = () => scene.pods.restarts();
    await scene.pods.until('all were rolled and are Ready', () =>
      pods.every((pod) => restarts()[`replicas/${pod}`] === 1 && ready(pod)),
    );
    await network.settledAsTheyWere();
    const ref = { resource: ConfigMaps, namespace: 'replicas', name: 'stellar-peers' };
    const published = ((await scene.cluster.admin.get(ref))?.data ?? {}) as Record<string, string>;
    for (const pod of pods) {
      const view = JSON.parse(published[`${pod.slice(0, -2)}.view.json`] ?? '{}') as { hash?: string };
      const { annotations } = (await podNow(scene, pod, 'replicas'))?.metadata ?? {};
      assert.equal(annotations?.['stellar.org/peer-hash'], view.hash, pod);
      assert.equal(restarts()[`replicas/${pod}`], 1, pod);
    }
    assert.equal(restarts()['replicas/validator-3-0'], undefined);
    assert.equal(network.mostDown(0), 1);
  });

  it('with OnDelete or a partition are left to their owner, and the other StatefulSets are restarted', async () => {
    const network = await new Network(scene, 'strategies').foundUpToDate();
    await patch(network, 'validator-1', { updateStrategy: { type: 'OnDelete', rollingUpdate: null } });
    await patch(network, 'validator-2', { updateStrategy: { rollingUpdate: { partition: 1 } } });
    await network.add('validator-4');
    await network.untilKnown(['validator-3'], FOUR);
    await wait(network, 'OnDelete', ['validator-1']);
    await wait(network, 'Partitioned', ['validator-2']);
    await network.settledAsTheyWere();
    network.assertRestarts(FOUR, [0, 0, 1, 0]);
    await network.deletePod('validator-1');
    await network.untilKnown(['validator-1'], FOUR);
    await patch(network, 'validator-2', { updateStrategy: { rollingUpdate: { partition: 0 } } });
    await network.untilTheyKnow(FOUR);
    await patch(network, 'validator-1', { updateStrategy: { type: 'RollingUpdate' } });
    await network.settledAsTheyWere();
    network.assertRestarts(FOUR, [1, 1, 1, 0], 'validator-1 was restarted only by its owner');
  });

  it('that their operator is rolling hold their group, and are not restarted again afterwards', async () => {
    const network = await new Network(scene, 'upgrade').foundUpToDate();
    await kubectl(network, 'annotate', 'stellarnode', 'validator-1', `${READY_HINT}=never`);
    await scene.pods.until(
      'the pod of validator-1 is replaced',
      () => network.restarts(THREE)['validator-1'] === 1,
    );
    await network.add('validator-4');
    await wait(network, 'Unsettled', ['validator-1']);
    const status = await wait(network, 'WaitingForUnavailable', ['validator-2', 'validator-3']);
    assert.match(status, /upgrade\/validator-1 is being rolled/);
    await network.settledAsTheyWere();
    const before = await generationOf(network, 'validator-1');
    await kubectl(network, 'annotate', 'stellarnode', 'validator-1', `${READY_HINT}-`);
    await until('the operator rolls validator-1 again', async () => {
      return (await generationOf(network, 'validator-1')) !== before;
    });
    await network.settledAsTheyWere();
    await network.setReadiness('validator-1', '0s');
    await network.untilTheyKnow(FOUR);
    assert.deepEqual(
      Object.values(network.restarts(FOUR)),
      [2, 1, 1, 0],
      'validator-1 was restarted twice by its operator, not by us',
    );
  });

  it('that are missing count as down in the quorum margin, and a new StatefulSet does not', async () => {
    const network = await new Network(scene, 'missing', { spec: quorumSpec(4, 75) }).foundUpToDate();
    await kubectl(network, 'delete', 'statefulset', 'validator-3', '--wait=false');
    await scene.pods.until(
      'the pod of validator-3 is gone',
      ({ pods }) => !pods.has(network.podOf('validator-3')),
    );
    await network.add('validator-4');
    const status = await wait(network, 'QuorumMargin', TWO);
    assert.match(status, /down already: missing\/validator-3/);
    await network.settledAsTheyWere();
    await touch(network, 'validator-3');
    await network.untilTheyKnow(FOUR);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
  });

  it('that the StellarNode does not control are not restarted, and the validator counts as down', async () => {
    const network = await new Network(scene, 'foreign').foundUpToDate();
    const disown = JSON.stringify([{ op: 'remove', path: '/metadata/ownerReferences' }]);
    await kubectl(network, 'patch', 'statefulset', 'validator-3', '--type=json', '-p', disown);
    await network.add('validator-4');
    await wait(network, 'NotOwned', ['validator-3']);
    await wait(network, 'WaitingForUnavailable', TWO);
    await network.settledAsTheyWere();
    network.assertRestarts(FOUR, [0, 0, 0, 0]);
    await touch(network, 'validator-3');
    await network.untilTheyKnow(FOUR);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
  });

  it('of a validator in maintenance are not restarted, and no other validator is restarted meanwhile', async () => {
    const network = await new Network(scene, 'maintenance').foundUpToDate();
    await network.change('validator-3', { maintenanceMode: true });
    await network.add('validator-4');
    await wait(network, 'Maintenance', ['validator-3']);
    await wait(network, 'WaitingForUnavailable', TWO);
    await network.settledAsTheyWere();
    await network.change('validator-3', { maintenanceMode: false });
    await network.untilTheyKnow(FOUR);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
  });
});
