/** An API server that fails: a share of our calls, all of them for a minute. Nothing breaks, and nothing is hammered. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ourRefusals } from '../cluster/audit.ts';
import { type FaultyProxy, startFaultyProxy } from '../cluster/faulty-proxy.ts';
import { installManifests } from '../cluster/install.ts';
import { Network } from '../cluster/network.ts';
import { Published } from '../cluster/published.ts';
import { createScene, type Scene } from '../cluster/scene.ts';
import { metricOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const THREE = ['validator-1', 'validator-2', 'validator-3'];
const FOUR = [...THREE, 'validator-4'];
const FIVE = [...FOUR, 'validator-5'];
const SEED = Number(process.env.SEED || Math.floor(Math.random() * 1_000_000));
const OUTAGE_MS = 60_000;
const FRESH_MS = 5_000;
/** Of one replica: a dozen watches that wait up to 5 s each, the Lease, and what a takeover needs. */
const CALLS_PER_SECOND_MAX = 8;
/** Longer than the shortened MIN_READY_SECONDS and STABILIZATION_SECONDS: a restart would have come by then. */
const WATCHED_MS = 4_000;

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
    proxy = await startFaultyProxy(scene.cluster, { seed: SEED, share: 0 });
    await scene.start(2, { KUBECONFIG: proxy.kubeconfig, LEASE_DURATION_SECONDS: '8' });
    network = new Network(scene, 'stellar');
    await network.found(THREE);
    await network.untilTheyKnow(THREE);
  });
  after(async () => {
    await published?.stop();
    await scene?.stop();
    await proxy?.stop();
  });

  const replicas = () => scene.replicas?.replicas ?? [];

  function assertAlive(): void {
    for (const replica of replicas()) assert.equal(replica.exit(), undefined, `${replica.name} has ended`);
  }

  it('in 30 % of our calls delays a roll and nothing else: each lacking validator is restarted once', async (t) => {
    const sinceMs = Date.now();
    const before = { ...proxy.counts };
    proxy.share = 0.3;
    try {
      await network.add('validator-4');
      await network.untilTheyKnow(FOUR, 240_000);
    } finally {
      proxy.share = 0;
    }
    const tookMs = Date.now() - sinceMs;
    await delay(WATCHED_MS);
    const failed = proxy.counts.failed - before.failed;
    const perSecond = ((proxy.counts.calls - before.calls) * 1000) / tookMs;
    t.diagnostic(
      `converged in ${tookMs} ms; ${failed} calls failed; ${perSecond.toFixed(1)} calls a second of two replicas`,
    );
    assert.ok(failed > 10, `only ${failed} calls failed`);
    assert.deepEqual(Object.values(network.restarts(FOUR)), [1, 1, 1, 0]);
    assert.equal(network.mostDown(sinceMs), 1);
    assert.ok(perSecond < 4 * CALLS_PER_SECOND_MAX, `${perSecond} calls a second`);
    assertAlive();
  });

  it('for a minute restarts nobody, is asked at a bounded rate, and caches are fresh 5 s after it is back', async (t) => {
    for (const replica of replicas()) await replica.ready();
    const before = network.restarts(FOUR);
    let calls = 0;
    downAtMs = Date.now();
    await scene.cluster.restartApiServer(async () => {
      const from = proxy.counts.calls;
      await delay(OUTAGE_MS);
      calls = proxy.counts.calls - from;
    });
    backAtMs = Date.now();
    const staleness = () => metricOf(replicas(), 'stellar_peers_cache_staleness_seconds');
    await until('all caches are fresh', async () => (await staleness()) === 0, { everyMs: 50 });
    const freshMs = Date.now() - backAtMs;
    t.diagnostic(`${calls} calls of two replicas in ${OUTAGE_MS} ms; fresh ${freshMs} ms after it was ready`);
    assert.ok(calls > 0 && calls < (2 * CALLS_PER_SECOND_MAX * OUTAGE_MS) / 1000, `${calls} calls`);
    assert.ok(freshMs <= FRESH_MS, `fresh after ${freshMs} ms`);
    assertAlive();
    await until('one of ours leads', async () => (await metricOf(replicas(), 'stellar_peers_leader')) === 1);
    await delay(WATCHED_MS);
    assert.deepEqual(network.restarts(FOUR), before);
    published = new Published(scene.cluster.admin);
    await network.add('validator-5');
    await network.untilTheyKnow(FIVE, 180_000);
    assert.equal(published.peersOf('stellar', 'validator-5')?.length, 4);
  });

  it('is not asked for anything that it refuses for a lack of rights', async () => {
    // One that has just started refuses everything until it has read the roles.
    const entries = (await scene.cluster.audit()).filter(({ atMs }) => atMs < downAtMs || atMs > backAtMs);
    const refusals = ourRefusals(entries);
    assert.deepEqual(refusals, []);
  });
});
