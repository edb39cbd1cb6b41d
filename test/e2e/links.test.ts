/** Restarts after a validator joins: on public networks only if neither end of a pair knows the other. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Network, stampOf } from '../cluster/network.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { statusOf } from '../cluster/told.ts';

const THREE = ['linked-1', 'linked-2', 'linked-3'];
const FOUR = [...THREE, 'linked-4'];
const FIVE = [...FOUR, 'linked-5'];
const times = (names: readonly string[], count: number) =>
  Object.fromEntries(names.map((name) => [name, count]));

describe('a validator that joins', () => {
  const scene = startedScene(() => sharedScene({ replicas: 1 }));

  /** Three that know each other, on a public network or one of their own. */
  async function upToDate(namespace: string, network?: string): Promise<Network> {
    const spec = network === undefined ? {} : { network, customNetworkPassphrase: null };
    return new Network(scene, namespace, { spec }).foundUpToDate(THREE);
  }

  it('restarts none of three on testnet, because it dials them: unknown to all, but linked to all', async () => {
    const network = await upToDate('linked-public', 'testnet');
    await network.add('linked-4');
    await network.untilKnown(['linked-4'], FOUR);
    await settled(scene);
    assert.deepEqual(network.restarts(FOUR), times(FOUR, 0));
    for (const name of THREE) {
      const others = THREE.filter((other) => other !== name);
      assert.equal(network.stamp(name), stampOf(network.namespace, others), `${name} is the one it was`);
    }
    const status = await statusOf(scene.cluster);
    for (const name of THREE) assert.match(status, new RegExp(` ${name} +1/1 +2 +3 +3/3 .* Current`));
  });

  it('restarts those of a public network for each change if its namespace asks for all', async () => {
    const network = await upToDate('linked-all', 'futurenet');
    // A quorum set that is not known would hold them on a public network.
    const marks = ['stellar.org/peer-roll-for=all', 'stellar.org/peer-quorum-unknown=warn'];
    await scene.cluster.kubectl(['annotate', 'namespace', network.namespace, ...marks]);
    const sinceMs = Date.now();
    await network.add('linked-4');
    await network.untilTheyKnow(FOUR);
    await network.add('linked-5');
    await network.untilTheyKnow(FIVE);
    await settled(scene);
    assert.deepEqual(network.restarts(FIVE), { ...times(THREE, 2), 'linked-4': 1, 'linked-5': 0 });
    // One that has left is down for good.
    assert.ok(network.mostDown(sinceMs) <= 1);
    await network.remove('linked-5');
    await network.untilGone('linked-5');
    await network.untilTheyKnow(FOUR);
    await settled(scene);
    assert.deepEqual(
      network.restarts(FOUR),
      { ...times(THREE, 3), 'linked-4': 2 },
      'one that leaves is a change',
    );
  });
});
