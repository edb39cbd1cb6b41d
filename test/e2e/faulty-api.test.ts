/** A failing API server: a share of our calls fails, then all for a minute. Nothing breaks, and retries are limited. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ourRefusals } from '../cluster/audit.ts';
import { type FaultyProxy, startFaultyProxy } from '../cluster/faulty-proxy.ts';
import { installManifests } from '../cluster/install.ts';
import { FIVE, FOUR, Network, THREE } from '../cluster/network.ts';
import { Published } from '../cluster/published.ts';
import { createScene, type Scene } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { metricOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const SEED = Number(process.env.SEED || Math.floor(Math.random() * 1_000_000));
const OUTAGE_MS = 60_000;
const FRESH_MS = 5_000;
/**
 * The request of a rolling restart. If it was not answered and left no trace, it is given up after 20 s, and tried again
 * after 1, 2, 4 … minutes. So for each StatefulSet it fails at most once, and the test waits for the first minute only.
 */
const BUMP = /^PATCH \/apis\/apps\/v1\/namespaces\/[^/]+\/statefulsets\/[^/?]+$/;
const CONVERGED_MS = 420_000;
/** The calls of one replica: a dozen watches that wait up to 5 s each, the Lease, and a takeover. */
const CALLS_PER_SECOND_MAX = 8;

describe(`an API server that fails (SEED=${SEED})`, () => {
  let scene: Scene;
  let proxy: FaultyProxy;
  let network: Network;
  let published: Published;
  /** When the API server was killed, and when it was ready again. */
  let downAtMs = 0;
  let backAtMs = 0;

  before(async () => {
    scene = await createScene();
    await installManifests(scene.cluster, { webhookUrl: scene.webhookUrl });
    proxy = await startFaultyProxy(scene.cluster, { seed: SEED, share: 0, failOnce: BUMP });
    await scene.start(2, { KUBECONFIG: proxy.kubeconfig, LEASE_DURATION_SECONDS: '8' });
    network = new Network(scene, 'stellar');
    await network.foundUpToDate();
  });
  after(async () => {
    await published?.stop();
    await scene?.stop();
    await proxy?.stop();
  });

  const replicas = () => scene.replicas?.replicas ?? [];

  /** The age of the oldest cache of each replica, in ms. */
  const stalenesses = () =>
    Promise.all(
      replicas().map(
        async (replica) => (await metricOf([replica], 'stellar_peers_cache_staleness_seconds')) * 1000,
      ),
    );
  const untilStale = (ms: number) =>
    until(
      `no replica has heard of the API server for ${ms} ms`,
      async () => (await stalenesses()).every((age) => age >= ms),
      { deadlineMs: 2 * ms },
    );

  function assertAlive(): void {
    for (const replica of replicas()) assert.equal(replica.exit(), undefined, `${replica.name} has ended`);
  }

  it('in 30 % of our calls only delays restarts, and each validator that lacks a peer is restarted once', async (t) => {
    const sinceMs = Date.now();
    const before = { ...proxy.counts };
    proxy.share = 0.3;
    let isFourthAlone = false;
    try {
      await network.add('validator-4');
      await scene.pods.until('the fourth validator has a pod', () =>
        scene.pods.pods.has(network.podOf('validator-4')),
      );
      // If publishing fails for longer than admission waits, the fourth starts without peers, and lacks them too.
      isFourthAlone = network.stamp('validator-4')?.split(',').length !== THREE.length;
      await network.untilTheyKnow(FOUR, CONVERGED_MS);
    } finally {
      proxy.share = 0;
    }
    const tookMs = Date.now() - sinceMs;
    await settled(scene);
    const failed = proxy.counts.failed - before.failed;
    const perSecond = ((proxy.counts.calls - before.calls) * 1000) / tookMs;
    t.diagnostic(
      `converged in ${tookMs} ms; ${failed} calls failed; ${perSecond.toFixed(1)} calls a second of two replicas`,
    );
    assert.ok(failed > 10, `only ${failed} calls failed`);
    network.assertRestarts(FOUR, [1, 1, 1, Number(isFourthAlone)]);
    assert.equal(network.mostDown(sinceMs), 1);
    assert.ok(perSecond < 4 * CALLS_PER_SECOND_MAX, `${perSecond} calls a second`);
    assertAlive();
  });

  it('for a minute causes no restart and gets requests at a bounded rate; caches are current 5 s after its return', async (t) => {
    for (const replica of replicas()) await replica.ready();
    const before = network.restarts(FOUR);
    let [calls, downMs] = [0, 0];
    downAtMs = Date.now();
    await scene.cluster.restartApiServer(async () => {
      const from = proxy.counts.calls;
      await untilStale(OUTAGE_MS);
      calls = proxy.counts.calls - from;
      downMs = Date.now() - downAtMs;
    });
    backAtMs = Date.now();
    await until('all caches are fresh', async () => (await stalenesses()).every((ms) => ms === 0));
    const freshMs = Date.now() - backAtMs;
    t.diagnostic(`${calls} calls of two replicas in ${downMs} ms; fresh ${freshMs} ms after it was ready`);
    assert.ok(calls > 0 && calls < (2 * CALLS_PER_SECOND_MAX * downMs) / 1000, `${calls} calls`);
    assert.ok(freshMs <= FRESH_MS, `fresh after ${freshMs} ms`);
    assertAlive();
    await until(
      'one of our replicas leads',
      async () => (await metricOf(replicas(), 'stellar_peers_leader')) === 1,
    );
    await settled(scene);
    assert.deepEqual(network.restarts(FOUR), before);
    published = new Published(scene.cluster.admin);
    await network.add('validator-5');
    await network.untilTheyKnow(FIVE, 180_000);
    assert.equal(published.peersOf('stellar', 'validator-5')?.length, 4);
  });

  it('gets no request that it refuses for lack of rights', async () => {
    // An API server that has just started refuses everything until it has read the roles.
    const entries = (await scene.cluster.audit()).filter(({ atMs }) => atMs < downAtMs || atMs > backAtMs);
    const refusals = ourRefusals(entries);
    assert.deepEqual(refusals, []);
  });
});
