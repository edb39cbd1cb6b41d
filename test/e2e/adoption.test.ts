import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { ourRefusals } from '../cluster/audit.ts';
import { Network, THREE } from '../cluster/network.ts';
import { createScene, type Scene } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sceneOf } from '../cluster/shared-scene.ts';
import { statusOf } from '../cluster/told.ts';

const NONE = { 'validator-1': 0, 'validator-2': 0, 'validator-3': 0 };
const ONCE = { 'validator-1': 1, 'validator-2': 1, 'validator-3': 1 };

/** These tests depend on each other and run in this order: a running network, installed, adopted, reconfigured, removed. */
describe('on a running network', () => {
  const scene = sceneOf(() => createScene());
  const network = new Network(scene, 'stellar');
  before(async () => {
    await network.found(THREE);
    await network.untilReady(THREE);
    await network.untilOlder(THREE);
  });

  it('installing us restarts no validator, and status says that the pods await adoption', async () => {
    await scene.start();
    await settled(scene);
    assert.deepEqual(network.restarts(THREE), NONE);
    const status = await statusOf(scene.cluster);
    for (const name of THREE) assert.match(status, new RegExp(`${name} .* AwaitingAdoption`));
  });

  it('ADOPT_EXISTING=restart then restarts them one at a time', async () => {
    await scene.replicas?.stop();
    const sinceMs = Date.now();
    await scene.start(2, { ADOPT_EXISTING: 'restart' });
    await network.untilTheyKnow(THREE);
    assert.deepEqual(network.restarts(THREE), ONCE);
    assert.equal(network.mostDown(sinceMs), 1);
  });

  it('a smaller or larger MAX_PEERS restarts no validator', async () => {
    for (const maxPeers of ['1', '24']) {
      await scene.replicas?.stop();
      await scene.start(2, { MAX_PEERS: maxPeers });
      await settled(scene);
    }
    assert.deepEqual(network.restarts(THREE), ONCE);
  });

  it('pods that have opted out, and pods that already use our names, are not changed', async () => {
    const optOut = { annotations: { 'stellar.org/peer-injection': 'disabled' } };
    const quiet = new Network(scene, 'quiet');
    await quiet.found(['validator-1']);
    await quiet.add('validator-2', optOut);
    await quiet.untilReady(['validator-1', 'validator-2']);
    const closed = new Network(scene, 'closed');
    await scene.cluster.createNamespace('closed', { 'stellar.org/peer-injection': 'disabled' });
    await closed.add('validator-1');
    await closed.add('validator-2');
    await closed.untilReady(['validator-1', 'validator-2']);
    const taken = new Network(scene, 'taken');
    await taken.found(['validator-1', 'validator-2']);
    await taken.untilReady(['validator-1', 'validator-2']);
    await takeTheMountPath(scene, 'taken', 'validator-2');
    await scene.pods.until('it rolled', () => taken.restarts(['validator-2'])['validator-2'] === 1);
    await taken.untilReady(['validator-1', 'validator-2']);
    await settled(scene);
    assert.equal(quiet.stamp('validator-2'), undefined);
    assert.equal(closed.stamp('validator-1'), undefined);
    assert.equal(taken.stamp('validator-2'), undefined);
    // The user's own change of the template has rolled validator-2 once.
    assert.deepEqual(taken.restarts(['validator-1', 'validator-2']), { 'validator-1': 0, 'validator-2': 1 });
    for (const each of [quiet, closed]) {
      assert.deepEqual(Object.values(each.restarts(['validator-1', 'validator-2'])), [0, 0], each.namespace);
    }
    const status = await statusOf(scene.cluster);
    assert.match(status, /quiet +validator-2 .* OptedOut/);
    assert.match(status, /closed +validator-1 .* OptedOut/);
    assert.match(status, /taken +validator-2 .* NotInjectable/);
  });

  it('RBAC has refused no request', async () => {
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});

/** A user's own change of the template: another volume is mounted at the path of ours. */
async function takeTheMountPath(scene: Scene, namespace: string, name: string): Promise<void> {
  const patch = [
    { op: 'add', path: '/spec/template/spec/volumes/-', value: { name: 'mine', emptyDir: {} } },
    {
      op: 'add',
      path: '/spec/template/spec/containers/0/volumeMounts/-',
      value: { name: 'mine', mountPath: '/etc/stellar/peers' },
    },
  ];
  await scene.cluster.kubectl([
    '-n',
    namespace,
    'patch',
    'statefulset',
    name,
    '--type=json',
    '--field-manager=stranger',
    '-p',
    JSON.stringify(patch),
  ]);
}
