import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ourRefusals } from '../cluster/audit.ts';
import { Network, stampOf } from '../cluster/network.ts';
import { createScene, type Scene } from '../cluster/scene.ts';
import { eventsIn } from '../cluster/told.ts';

const THREE = ['validator-1', 'validator-2', 'validator-3'];
const TWENTY = Array.from({ length: 20 }, (_, index) => `validator-${index + 1}`);
/** Longer than the shortened MIN_READY_SECONDS and STABILIZATION_SECONDS: a restart would have come by then. */
const WATCHED_MS = 4_000;

describe('a new network', () => {
  let scene: Scene;
  before(async () => {
    scene = await createScene();
    await scene.start();
  });
  after(() => scene?.stop());

  for (const [operator, reactMs] of [
    ['an operator that reacts within milliseconds', 0],
    ['an operator that takes seconds', 2_000],
  ] as const) {
    for (const round of [1, 2]) {
      it(`of three, 300 ms apart, by ${operator}, starts without a restart (round ${round})`, async () => {
        await scene.operate({ reactMs });
        const network = new Network(scene, `three-${reactMs}-${round}`);
        await network.found(THREE, 300);
        await network.untilReady(THREE);
        await delay(WATCHED_MS);
        for (const name of THREE) {
          const others = THREE.filter((other) => other !== name);
          assert.equal(
            network.stamp(name),
            stampOf(network.namespace, others),
            `${name} names the two others`,
          );
        }
        assert.deepEqual(scene.pods.restarts(), {});
      });

      it(`of twenty at once, by ${operator}, starts without a restart (round ${round})`, async () => {
        await scene.operate({ reactMs });
        const network = new Network(scene, `twenty-${reactMs}-${round}`);
        await network.found(TWENTY);
        await network.untilReady(TWENTY, 120_000);
        await delay(WATCHED_MS);
        for (const name of TWENTY) {
          const own = stampOf(network.namespace, [name]).slice(3);
          const known = (network.stamp(name) ?? 'v1:').slice(3).split(',');
          assert.ok(known.length >= 8, `${name} knows ${known.length}`);
          assert.ok(!known.includes(own), `${name} knows itself`);
        }
        assert.deepEqual(scene.pods.restarts(), {});
        const told = await eventsIn(scene.cluster, network.namespace);
        assert.deepEqual(
          told.filter(({ type }) => type === 'Warning'),
          [],
          'nobody is warned of anything',
        );
      });
    }
  }

  it('is made without a request that RBAC refuses', async () => {
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});
