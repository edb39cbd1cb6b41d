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

  /** Three validators that know each other, on a public network or on their own private network. */
  async function upToDate(namespace: string, network?: string): Promise<Network> {
    const spec = network === undefined ? {} : { network, customNetworkPassphrase: null };
    return new Network(scene, namespace, { spec }).foundUpToDate(THREE);
  }

  it('restarts none of three validators on testnet, because it dials them: all are linked without a restart', async () => {
    const network = await upToDate('linked-public', 'testnet');
    await network.add('linked-4');
    await network.untilKnown(['linked-4'], FOUR);
    await settled(scene);
    assert.deepEqual(network.restarts(FOUR), times(FOUR, 0));
    for (const name of THREE) {
      const others = THREE.filter((other) => other !== name);
      assert.equal(
        network.stamp(name),
        stampOf(network.namespace, others),
        `${name} is the same pod as before`,
      );
    }
    const status = await statusOf(scene.cluster);
    for (const name of THREE) assert.match(status, new RegExp(` ${name} +1/1 +2 +3 +3/3 .* Current`));
  });

  it('restarts the validators of a public network for each change if the annotation of their namespace is all', async () => {
    const network = await upToDate('linked-all', 'futurenet');
    // On a public network, restarts would be held because the quorum set is not known.
    const marks = ['stellar.org/peer-roll-for=all', 'stellar.org/peer-quorum-unknown=warn'];
    await scene.cluster.kubectl(['annotate', 'namespace', network.namespace, ...marks]);
    const sinceMs = Date.now();
    await network.add('linked-4');
    await network.untilTheyKnow(FOUR);
    await network.add('linked-5');
    await network.untilTheyKnow(FIVE);
    await settled(scene);
    assert.deepEqual(network.restarts(FIVE), { ...times(THREE, 2), 'linked-4': 1, 'linked-5': 0 });
    // The validator that has left stays down.
    assert.ok(network.mostDown(sinceMs) <= 1);
    await network.remove('linked-5');
    await network.untilGone('linked-5');
    await network.untilTheyKnow(FOUR);
    await settled(scene);
    assert.deepEqual(
      network.restarts(FOUR),
      { ...times(THREE, 3), 'linked-4': 2 },
      'a validator that leaves is a change',
    );
  });
});
