import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigMaps } from '../../runtime/kube/resources.ts';
import { FIVE, FOUR, Network, THREE } from '../cluster/network.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const SWITCH = 'stellar.org/peer-rollout';
const OWN = { resource: ConfigMaps, namespace: 'stellar-peers', name: 'stellar-peers' };

describe('a rollout', () => {
  const scene = startedScene(() => sharedScene());
  const annotateOwn = (value: string) =>
    scene.cluster.kubectl(['-n', OWN.namespace, 'annotate', 'configmap', OWN.name, value, '--overwrite']);
  const status = () => statusOf(scene.cluster);

  it('restarts by others are no reason to restart a validator', async () => {
    const network = await new Network(scene, 'dies').foundUpToDate();
    await network.deletePod('validator-2');
    await scene.pods.until('its pod is replaced', () => network.restarts(THREE)['validator-2'] === 1);
    await network.untilTheyKnow(THREE);
    await settled(scene);
    assert.deepEqual(network.restarts(THREE), { 'validator-1': 0, 'validator-2': 1, 'validator-3': 0 });
  });

  it('restarts are not caused by suspending, unsuspending or deleting a validator', async () => {
    const network = await new Network(scene, 'comings-and-goings').foundUpToDate();
    await network.change('validator-3', { suspended: true });
    await scene.pods.until(
      'the pod of validator-3 is gone',
      ({ pods }) => !pods.has(network.podOf('validator-3')),
    );
    await settled(scene);
    await network.change('validator-3', { suspended: false });
    await network.untilTheyKnow(THREE);
    await settled(scene);
    // Only the pod of validator-3 is new.
    assert.deepEqual(network.restarts(THREE), { 'validator-1': 0, 'validator-2': 0, 'validator-3': 1 });
    await network.remove('validator-3');
    await network.untilGone('validator-3');
    await settled(scene);
    assert.deepEqual(network.restarts(['validator-1', 'validator-2']), {
      'validator-1': 0,
      'validator-2': 0,
    });
  });

  it('restarts wait while everything is paused, even if our ConfigMap is deleted, and continue after the pause', async () => {
    const network = await new Network(scene, 'paused').foundUpToDate();
    await annotateOwn(`${SWITCH}=paused`);
    await network.add('validator-4');
    await network.untilReady(FOUR);
    await until('status says Paused', async () => (await status()).includes('Paused'));
    await scene.cluster.admin.delete(OWN, {});
    const restored = await until('the ConfigMap is created again', () => scene.cluster.admin.get(OWN));
    assert.equal(restored.metadata.annotations?.[SWITCH], 'paused', 'the new ConfigMap is paused');
    await settled(scene);
    network.assertRestarts(FOUR, [0, 0, 0, 0]);
    await annotateOwn(`${SWITCH}-`);
    await network.untilTheyKnow(FOUR);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
  });

  it('restarts that a pause holds stay held after a change of leader', async () => {
    await scene.replicas?.stop();
    await scene.start();
    const network = await new Network(scene, 'paused-failover').foundUpToDate();
    await annotateOwn(`${SWITCH}=paused`);
    await network.add('validator-4');
    await network.untilReady(FOUR);
    await scene.replicas?.stop();
    await scene.start();
    await network.add('validator-5');
    await network.untilReady(FIVE);
    await settled(scene);
    network.assertRestarts(FIVE, [0, 0, 0, 0, 0]);
    await annotateOwn(`${SWITCH}-`);
    await network.untilTheyKnow(FIVE);
    assert.deepEqual(
      Object.values(network.restarts(FIVE)),
      [1, 1, 1, 1, 0],
      'one restart for both newcomers',
    );
  });
});
