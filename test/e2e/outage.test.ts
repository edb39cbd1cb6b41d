import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FOUR, Network, THREE } from '../cluster/network.ts';
import { settled } from '../cluster/settled.ts';
import { sceneOf, sharedScene } from '../cluster/shared-scene.ts';
import { statusOf } from '../cluster/told.ts';

describe('while both replicas are down', () => {
  const scene = sceneOf(() => sharedScene());
  async function killBoth(): Promise<void> {
    const replicas = scene.replicas?.replicas ?? [];
    for (const replica of replicas) replica.kill('SIGKILL');
    await Promise.all(replicas.map((replica) => replica.exited));
  }

  async function untilReplaced(network: Network, name: string): Promise<void> {
    const before = network.restarts([name])[name] ?? 0;
    await network.deletePod(name);
    await scene.pods.until(`${name} is replaced`, () => (network.restarts([name])[name] ?? 0) > before);
  }

  it('pods start uninjected, even after an earlier restart by us, and are restarted one at a time when we are back', async () => {
    await scene.start();
    const network = await new Network(scene, 'outage').foundUpToDate();
    await network.add('validator-4');
    await network.untilTheyKnow(FOUR);
    await killBoth();
    for (const name of ['validator-2', 'validator-3']) await untilReplaced(network, name);
    await network.untilReady(FOUR);
    for (const name of ['validator-2', 'validator-3']) {
      const pod = scene.pods.pods.get(network.podOf(name));
      assert.equal(network.stamp(name), undefined, 'the pod is not injected');
      assert.ok(
        pod?.metadata.annotations?.['stellar.org/peer-restart'],
        'the pod has the annotation of its template',
      );
    }
    assert.match(
      await statusOf(scene.cluster),
      /validator-2 +1\/1 +- /,
      'status shows that it knows no peer',
    );
    const before = network.restarts(FOUR);
    const sinceMs = Date.now();
    await scene.start();
    await network.untilTheyKnow(FOUR);
    await settled(scene);
    const more = Object.entries(network.restarts(FOUR)).map(([name, count]) => count - (before[name] ?? 0));
    assert.deepEqual(more, [0, 1, 1, 0]);
    assert.equal(network.mostDown(sinceMs), 1);
  });

  it('a pod that never becomes Ready is replaced too, although its StatefulSet waits for it', async () => {
    const network = new Network(scene, 'never', { annotations: { 'test.stellar-peers/ready': 'never' } });
    await network.found(['validator-1', 'validator-2']);
    await network.untilStamped(['validator-1', 'validator-2']);
    await killBoth();
    await untilReplaced(network, 'validator-1');
    assert.equal(network.stamp('validator-1'), undefined);
    await scene.start();
    await network.untilStamped(['validator-1', 'validator-2']);
    await settled(scene);
    const restarts = { 'validator-1': 2, 'validator-2': 0 };
    assert.deepEqual(
      network.restarts(['validator-1', 'validator-2']),
      restarts,
      'the first restart is by the test, the second by us',
    );
  });

  it('a StellarNode that is created meanwhile gets its peers when we are back', async () => {
    await killBoth();
    const network = new Network(scene, 'late');
    await network.found(THREE);
    await network.untilReady(THREE);
    await scene.start();
    await network.untilTheyKnow(THREE);
    assert.equal(network.mostDown(0), 1);
    network.assertRestarts(THREE, [1, 1, 1]);
  });
});
