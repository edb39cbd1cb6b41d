/** The state that validators report over their HTTP ports: before a restart begins, and until it is over. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ConfigMaps } from '../../runtime/kube/resources.ts';
import { Cores } from '../cluster/cores.ts';
import { FOUR, Network, THREE } from '../cluster/network.ts';
import type { Scene } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { untilWaiting } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const env = { CORE_POLL_SECONDS: '1' };

describe('where the HTTP port of validators answers', () => {
  let scene: Scene;
  let cores: Cores;

  before(async () => {
    scene = await sharedScene({ env });
    cores = new Cores(scene.cluster.admin, () => true);
    await scene.start();
  });
  after(async () => {
    await cores?.stop();
    await scene?.stop();
  });

  /** Waits until our own ConfigMap contains the text, because restarts are decided by that ConfigMap. */
  const untilKept = (text: string) =>
    until(`${text} is kept`, async () => {
      const ref = { resource: ConfigMaps, namespace: 'stellar-peers', name: 'stellar-peers' };
      const data = (await scene.cluster.admin.get(ref))?.data as Record<string, string> | undefined;
      return data?.['connections.json']?.includes(text);
    });

  it('a restart is over when the validator is synced with a peer, and the next one waits for that', async () => {
    const network = await new Network(scene, 'synced').foundUpToDate();
    cores.startsAs = 'Joining SCP';
    await network.add('validator-4');
    await untilWaiting(scene, { namespace: 'synced', names: ['validator-1'], reason: 'NotSynced', env });
    await settled(scene);
    network.assertRestarts(FOUR, [1, 0, 0, 0]);
    cores.startsAs = 'Synced!';
    for (const name of ['validator-1', 'validator-4']) {
      const core = cores.of(network.podOf(name));
      assert.ok(core);
      core.info.state = 'Synced!';
    }
    await network.untilTheyKnow(FOUR);
    await settled(scene);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
  });

  it('no restart begins while a validator reports that one more failure would stop it', async () => {
    const network = await new Network(scene, 'fragile').foundUpToDate();
    const core = cores.of(network.podOf('validator-3'));
    assert.ok(core);
    core.info.failAt = 1;
    await untilKept('"failAt":1');
    await network.add('validator-4');
    await untilWaiting(scene, { namespace: 'fragile', names: THREE, reason: 'QuorumFragile', env });
    await settled(scene);
    network.assertRestarts(FOUR, [0, 0, 0, 0]);
    core.info.failAt = 2;
    await network.untilTheyKnow(FOUR);
    await settled(scene);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
  });
});
