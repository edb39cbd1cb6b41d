/** A replica on a machine with a wrong clock still measures ages by the API server's clock. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CERT_SECRET } from '../../peers/names.ts';
import { FOUR, leaderOf, Network } from '../cluster/network.ts';
import { type Replica, startReplica } from '../cluster/replica.ts';
import { type Scene, SHORT } from '../cluster/scene.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { until } from '../cluster/until.ts';

const MIN_READY_SECONDS = 6;
const FIVE_MINUTES_MS = 300_000;

const only = (replica: Replica) => ({ replicas: [replica] });

describe('a leader whose clock is five minutes ahead', () => {
  const scene = startedScene(() =>
    sharedScene({
      replicas: 1,
      program: ['--import', './test/cluster/skewed-clock.ts', 'main.ts', 'run'],
      env: { MIN_READY_SECONDS: String(MIN_READY_SECONDS), SKEW_MS: String(FIVE_MINUTES_MS) },
    }),
  );

  it('waits MIN_READY_SECONDS after each restart, like any other leader', async () => {
    const network = await new Network(scene, 'ahead').foundUpToDate();
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

describe('a replica whose clock is five minutes behind', () => {
  let scene: Scene;

  before(async () => {
    scene = await sharedScene({
      program: ['--import', './test/cluster/skewed-clock.ts', 'main.ts', 'run'],
      env: { SKEW_MS: String(-FIVE_MINUTES_MS) },
    });
    // Delete the certificate that another replica made, so that this replica makes one.
    const secret = ['delete', 'secret', CERT_SECRET, '-n', 'stellar-peers', '--ignore-not-found'];
    await scene.cluster.kubectl(secret);
    await scene.start(1);
  });
  after(() => scene?.stop());

  it('makes a certificate that callers trust, takes over from a replica with the right time, and restarts like that replica', async () => {
    const { cluster } = scene;
    const onTime = await startReplica(cluster, { name: 'on-time', env: SHORT });
    await onTime.ready();
    const late = await leaderOf(scene.replicas ?? assert.fail());
    scene.replicas?.use([late, onTime]);
    const network = await new Network(scene, 'behind').foundUpToDate();
    late.kill('SIGTERM');
    await late.exited;
    const again = await startReplica(cluster, {
      name: 'late-again',
      program: ['--import', './test/cluster/skewed-clock.ts', 'main.ts', 'run'],
      env: { ...SHORT, SKEW_MS: String(-FIVE_MINUTES_MS) },
    });
    await again.ready();
    await until(
      'the replica with the right time leads',
      async () => (await leaderOf(only(onTime))) === onTime,
    );
    onTime.kill('SIGKILL');
    await onTime.exited;
    scene.replicas?.use([again]);
    await until('the replica that is behind leads', async () => (await leaderOf(only(again))) === again);
    await network.add('validator-4');
    await network.untilFourth();
  });
});
