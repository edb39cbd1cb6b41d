import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ConfigMaps } from '../../runtime/kube/resources.ts';
import { ourRefusals } from '../cluster/audit.ts';
import { leaderOf, Network, stampOf } from '../cluster/network.ts';
import type { Scene } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const THREE = ['validator-1', 'validator-2', 'validator-3'];
const FOUR = [...THREE, 'validator-4'];
const FIVE = [...FOUR, 'validator-5'];
const SWITCH = 'stellar.org/peer-rollout';
const OWN = { resource: ConfigMaps, namespace: 'stellar-peers', name: 'stellar-peers' };

describe('restarts', () => {
  let scene: Scene;
  const annotateOwn = (value: string) =>
    scene.cluster.kubectl(['-n', OWN.namespace, 'annotate', 'configmap', OWN.name, value, '--overwrite']);
  const status = () => statusOf(scene.cluster);

  before(async () => {
    scene = await sharedScene();
    await scene.start();
  });
  after(() => scene?.stop());

  /** A network of three that is at rest. */
  async function upToDate(namespace: string): Promise<Network> {
    const network = new Network(scene, namespace);
    await network.found(THREE);
    await network.untilTheyKnow(THREE);
    return network;
  }

  it('of a fourth validator that joins: the three are rolled, one at a time', async () => {
    const network = await upToDate('join');
    const sinceMs = Date.now();
    await network.add('validator-4');
    await network.untilTheyKnow(FOUR);
    await settled(scene);
    const once = { 'validator-1': 1, 'validator-2': 1, 'validator-3': 1, 'validator-4': 0 };
    assert.deepEqual(network.restarts(FOUR), once);
    assert.equal(network.mostDown(sinceMs), 1);
  });

  it('by others are no reason to restart a validator', async () => {
    const network = await upToDate('dies');
    await network.deletePod('validator-2');
    await scene.pods.until('it is replaced', () => network.restarts(THREE)['validator-2'] === 1);
    await network.untilTheyKnow(THREE);
    await settled(scene);
    assert.deepEqual(network.restarts(THREE), { 'validator-1': 0, 'validator-2': 1, 'validator-3': 0 });
  });

  it('are not caused by suspending, unsuspending or deleting a validator', async () => {
    const network = await upToDate('comings-and-goings');
    await network.change('validator-3', { suspended: true });
    await scene.pods.until('its pod is gone', ({ pods }) => !pods.has(network.podOf('validator-3')));
    await settled(scene);
    await network.change('validator-3', { suspended: false });
    await network.untilTheyKnow(THREE);
    await settled(scene);
    // The pod of validator-3 itself is new; no other is.
    assert.deepEqual(network.restarts(THREE), { 'validator-1': 0, 'validator-2': 0, 'validator-3': 1 });
    await network.remove('validator-3');
    await network.untilGone('validator-3');
    await settled(scene);
    assert.deepEqual(network.restarts(['validator-1', 'validator-2']), {
      'validator-1': 0,
      'validator-2': 0,
    });
  });

  it('help a lonely validator that never became Ready, when a second one joins', async () => {
    const network = new Network(scene, 'lonely', { annotations: { 'test.stellar-peers/ready': 'never' } });
    await network.found(['validator-1']);
    await scene.pods.until('the lonely one runs', ({ pods }) => pods.has(network.podOf('validator-1')));
    await settled(scene);
    assert.deepEqual(network.restarts(['validator-1']), { 'validator-1': 0 });
    await network.add('validator-2');
    const helped = stampOf('lonely', ['validator-2']);
    await scene.pods.until('the lonely one is helped', () => network.stamp('validator-1') === helped);
    await settled(scene);
    assert.deepEqual(network.restarts(['validator-1', 'validator-2']), {
      'validator-1': 1,
      'validator-2': 0,
    });
  });

  it('wait while everything is paused, also when the switch is deleted, and go on when it is released', async () => {
    const network = await upToDate('paused');
    await annotateOwn(`${SWITCH}=paused`);
    await network.add('validator-4');
    await network.untilReady(FOUR);
    await until('status says Paused', async () => (await status()).includes('Paused'));
    await scene.cluster.admin.delete(OWN, {});
    const restored = await until('it comes back', () => scene.cluster.admin.get(OWN));
    assert.equal(restored.metadata.annotations?.[SWITCH], 'paused', 'it comes back paused');
    await settled(scene);
    network.assertRestarts(FOUR, [0, 0, 0, 0]);
    await annotateOwn(`${SWITCH}-`);
    await network.untilTheyKnow(FOUR);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
  });

  it('are finished by the other replica when the leader is killed in the middle, none twice, never two at once', async () => {
    const network = await upToDate('failover');
    const sinceMs = Date.now();
    const replicas = scene.replicas;
    assert.ok(replicas);
    const leader = await leaderOf(replicas);
    await network.add('validator-4');
    const begun = () => Object.values(network.restarts(FOUR)).some((count) => count > 0);
    await scene.pods.until('the roll has begun', begun);
    leader.kill('SIGKILL');
    replicas.use(replicas.replicas.filter((replica) => replica !== leader));
    await network.untilTheyKnow(FOUR);
    await settled(scene);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
    assert.equal(network.mostDown(sinceMs), 1);
  });

  it('that were held back by a pause stay held across a change of leader', async () => {
    await scene.replicas?.stop();
    await scene.start();
    const network = await upToDate('paused-failover');
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

  it('need nothing that RBAC refuses', async () => {
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});
