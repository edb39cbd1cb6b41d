/**
 * Validators with the sidecar on a real control plane: none is restarted when a peer joins. The containers are simulated, so
 * stellar-core is not really told of peers here; `test/node/reload.test.ts` tests that.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { FOUR, Network, THREE } from '../cluster/network.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { eventsIn, statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const ENV = { PEER_RELOAD: 'auto', RELOAD_SECONDS: '5' };

describe('validators whose sidecar tells them of new peers', () => {
  const scene = startedScene(() => sharedScene({ env: ENV }));
  let network: Network;

  before(async () => {
    network = await new Network(scene, 'told').foundUpToDate();
  });

  /** The reasons of the Events on one of the validators. */
  const reasonsOf = async (name: string): Promise<string[]> => {
    const events = await eventsIn(scene.cluster, network.namespace);
    return events.filter(({ node }) => node === name).map(({ reason }) => reason);
  };

  it('learn of a new validator without a restart, and each has an Event about it', async () => {
    await network.add('validator-4');
    await network.untilReady(FOUR);
    for (const name of THREE)
      await until(`an Event says that ${name} is told`, async () => (await reasonsOf(name)).includes('Told'));
    await settled(scene);
    network.assertRestarts(FOUR, [0, 0, 0, 0]);
    assert.match(await statusOf(scene.cluster, ENV), /Told/);
  });

  it('are not restarted when the sidecar is switched off, for these validators or for all', async () => {
    const off = ['stellarnode', '--all', '-n', network.namespace, 'stellar.org/peer-reload=off'];
    await scene.cluster.kubectl(['annotate', ...off]);
    await settled(scene);
    await scene.replicas?.stop();
    await scene.start(2, { PEER_RELOAD: 'off' });
    await settled(scene);
    network.assertRestarts(FOUR, [0, 0, 0, 0]);
  });
});
