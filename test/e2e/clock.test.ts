/** A replica on a machine whose clock is wrong: ages are still measured by the API server's. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Network } from '../cluster/network.ts';
import { createScene, type Scene } from '../cluster/scene.ts';

const THREE = ['validator-1', 'validator-2', 'validator-3'];
const FOUR = [...THREE, 'validator-4'];
const MIN_READY_SECONDS = 6;
const FIVE_MINUTES_MS = 300_000;

describe('a leader whose clock is five minutes ahead', () => {
  let scene: Scene;

  before(async () => {
    scene = await createScene({
      replicas: 1,
      program: ['--import', './test/cluster/skewed-clock.ts', 'main.ts'],
      env: { MIN_READY_SECONDS: String(MIN_READY_SECONDS), SKEW_MS: String(FIVE_MINUTES_MS) },
    });
    await scene.start();
  });
  after(() => scene?.stop());

  it('waits MIN_READY_SECONDS after each restart before the next, as any other', async () => {
    const network = new Network(scene, 'stellar');
    await network.found(THREE);
    await network.untilTheyKnow(THREE);
    const joinedAtMs = Date.now();
    await network.add('validator-4');
    await network.untilTheyKnow(FOUR);
    assert.deepEqual(network.restarts(FOUR), {
      'validator-1': 1,
      'validator-2': 1,
      'validator-3': 1,
      'validator-4': 0,
    });
    const since = scene.pods.timeline.filter(({ atMs }) => atMs > joinedAtMs);
    const began = since.filter(({ change }) => change === 'terminating').map(({ atMs }) => atMs);
    const ready = since.filter(({ change }) => change === 'ready').map(({ atMs }) => atMs);
    const gapsMs = began.map((atMs) => atMs - Math.max(...ready.filter((each) => each < atMs)));
    assert.equal(gapsMs.length, 3);
    assert.ok(Math.min(...gapsMs) >= MIN_READY_SECONDS * 1000, `the gaps are ${gapsMs.join()} ms`);
  });
});
