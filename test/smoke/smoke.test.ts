/**
 * The main promises on a real control plane, as one story from installation to removal: what `make test` has of them.
 * `test/e2e` has each of them at length.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ConfigMaps, Secrets } from '../../runtime/kube/resources.ts';
import { rendered } from '../../scripts/manifests.ts';
import { ourRefusals } from '../cluster/audit.ts';
import { FIVE, FOUR, leaderOf, Network } from '../cluster/network.ts';
import { startReplica } from '../cluster/replica.ts';
import { createScene, type Scene, SHORT } from '../cluster/scene.ts';
import { settled, untilWorkloadsRest } from '../cluster/settled.ts';
import { eventsIn, metricOf } from '../cluster/told.ts';
import { tracesOf } from '../cluster/traces.ts';
import { until } from '../cluster/until.ts';
import { webhookCalls } from '../cluster/webhook-calls.ts';
import { CaBundleWatcher, servedBy } from '../e2e-more/trusted.ts';

const SIX = [...FIVE, 'validator-6'];
const SWITCH = 'stellar.org/peer-rollout';
const OWN = { resource: ConfigMaps, namespace: 'stellar-peers', name: 'stellar-peers' };
const SECRET = { resource: Secrets, namespace: 'stellar-peers', name: 'stellar-peers-webhook-cert' };
/** So that a rotation is over within seconds. */
const ENV = { CA_OVERLAP_SECONDS: '2', CA_RETIRE_SECONDS: '2' };

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

describe('stellar-peers', () => {
  let scene: Scene;
  let network: Network;

  const replicas = () => scene.replicas ?? assert.fail('there are replicas');
  const switchTo = (change: string) =>
    scene.cluster.kubectl(['-n', OWN.namespace, 'annotate', 'configmap', OWN.name, change, '--overwrite']);
  /** Every pod that each validator ever had. */
  const lives = () =>
    Object.fromEntries(
      SIX.map((name) => [name, scene.pods.lives(network.podOf(name)).map(({ uid }) => uid)]),
    );

  /** Deletes the pod of one; resolves when another runs in its place, and all know each other. */
  async function replacePod(name: string): Promise<void> {
    const before = network.restarts([name]);
    await network.deletePod(name);
    await scene.pods.until(`${name} is replaced`, () => network.restarts([name])[name] !== before[name]);
    await network.untilTheyKnow(SIX);
  }

  before(async () => {
    scene = await createScene({ env: ENV });
    network = new Network(scene, 'stellar');
  });
  after(() => scene?.stop());

  it('is installed by the shipped manifests', async () => {
    await scene.start();
    // A slow API server makes a replica unready for moments, also right after its start.
    await until('all replicas are ready at once', async () => {
      const answers = await Promise.all(replicas().replicas.map((replica) => replica.get('/readyz')));
      return answers.every(({ status }) => status === 200);
    });
  });

  it('lets three validators start knowing each other, without a restart or a warning', async () => {
    await network.foundUpToDate();
    await settled(scene);
    assert.deepEqual(scene.pods.restarts(), {});
    const warnings = (await eventsIn(scene.cluster, 'stellar')).filter(({ type }) => type === 'Warning');
    assert.deepEqual(warnings, []);
  });

  it('restarts the three for a fourth that joins, each once and one at a time', async () => {
    const sinceMs = Date.now();
    await network.add('validator-4');
    await network.untilTheyKnow(FOUR);
    await settled(scene);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
    assert.equal(network.mostDown(sinceMs), 1);
  });

  it('restarts none while it is paused, and goes on when it is released', async () => {
    await switchTo(`${SWITCH}=paused`);
    await network.add('validator-5');
    await network.untilReady(FIVE);
    await settled(scene);
    network.assertRestarts(FIVE, [1, 1, 1, 0, 0]);
    assert.ok((await metricOf(replicas().replicas, 'stellar_peers_waiting{reason="Paused"}')) >= 4);
    await switchTo(`${SWITCH}-`);
    await network.untilTheyKnow(FIVE);
    await settled(scene);
    network.assertRestarts(FIVE, [2, 2, 2, 1, 0]);
  });

  it('has the other replica finish what a killed leader began, each once and one at a time', async () => {
    const sinceMs = Date.now();
    const leader = await leaderOf(replicas());
    await network.add('validator-6');
    const before = sumOf(network.restarts(FIVE));
    await scene.pods.until('the roll has begun', () => sumOf(network.restarts(FIVE)) > before);
    leader.kill('SIGKILL');
    replicas().use(replicas().replicas.filter((replica) => replica !== leader));
    await network.untilTheyKnow(SIX);
    await settled(scene);
    network.assertRestarts(SIX, [3, 3, 3, 2, 1, 0]);
    assert.equal(network.mostDown(sinceMs), 1);
  });

  it('rotates its certificate: caBundle never breaks, and no pod starts without peers', async (t) => {
    const successor = await startReplica(scene.cluster, {
      name: 'stellar-peers-3',
      env: { ...SHORT, ...ENV },
    });
    await successor.ready();
    replicas().use([...replicas().replicas, successor]);
    const caBundle = new CaBundleWatcher(scene.cluster);
    t.after(() => caBundle.stop());
    await until('caBundle is seen', () => caBundle.now.length === 1);
    const [former] = caBundle.now;
    const calls = await webhookCalls(scene.cluster);
    await scene.cluster.admin.delete(SECRET, {});
    await replacePod('validator-1');
    await until(
      'another CA is trusted, alone',
      () => caBundle.now.length === 1 && caBundle.now[0] !== former,
    );
    await replacePod('validator-2');
    await caBundle.stop();
    for (const [index, { authorities }] of caBundle.history.entries()) {
      const next = caBundle.history[index + 1]?.authorities ?? authorities;
      assert.ok(
        authorities.some((one) => next.includes(one)),
        'each caBundle trusts a CA of the one before',
      );
    }
    await until('both serve the same certificate', async () => {
      const served = await Promise.all(replicas().replicas.map(({ webhookPort }) => servedBy(webhookPort)));
      return new Set(served).size === 1;
    });
    const { called, failedOpen } = await webhookCalls(scene.cluster);
    assert.ok(called > calls.called);
    assert.equal(failedOpen, calls.failedOpen);
  });

  it('is removed without a restart, the webhook configuration first, and leaves what the documents say', async () => {
    const { cluster } = scene;
    await settled(scene);
    const former = lives();
    await cluster.kubectl(['delete', 'mutatingwebhookconfiguration', 'stellar-peers']);
    await settled(scene);
    assert.deepEqual(lives(), former);
    const removal = cluster.kubectl(['delete', '--ignore-not-found', '-f', '-'], rendered('base'));
    await Promise.all([removal, replicas().stop()]);
    await untilWorkloadsRest(cluster);
    assert.deepEqual(lives(), former);
    // Events and what Kubernetes derives from an object go by themselves.
    const derived = /^(Event|EndpointSlice|ControllerRevision) /;
    const restarted = SIX.slice(0, -1);
    assert.deepEqual(
      (await tracesOf(cluster)).filter((trace) => !derived.test(trace)),
      [
        'ConfigMap stellar/stellar-peers',
        ...SIX.map((name) => `Pod stellar/${name}-0`),
        ...SIX.map((name) => `Service stellar/${name}-headless`),
        ...restarted.map((name) => `StatefulSet stellar/${name}`),
      ].sort(),
    );
  });

  it('asked for nothing that RBAC refuses', async () => {
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});
