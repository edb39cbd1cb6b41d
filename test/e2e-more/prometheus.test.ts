/**
 * A real Prometheus scrapes two replicas. Our alerts fire during a fault and end with it, and every query of the dashboard
 * has a result.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CERT_SECRET, JOURNAL_CONFIGMAP } from '../../peers/names.ts';
import { ConfigMaps } from '../../runtime/kube/resources.ts';
import { alertsNow } from '../../scripts/alerts.ts';
import { dashboardQueries } from '../../scripts/dashboard-panels.ts';
import { Cores } from '../cluster/cores.ts';
import { FOUR, leaderOf, Network, THREE } from '../cluster/network.ts';
import { quorumSpec } from '../cluster/quorum-sets.ts';
import { createCaller } from '../cluster/reviews.ts';
import { createScene, type Scene } from '../cluster/scene.ts';
import { READY_HINT } from '../cluster/stages.ts';
import { until } from '../cluster/until.ts';
import { Prometheus } from './prometheus.ts';

/** This alert means a bug of ours, which this test cannot cause. promtool tests its rule instead (test/monitoring). */
const BUG_ALERT = 'ListRefused';
const PAUSE = ['-n', 'stellar-peers', 'annotate', 'configmap', 'stellar-peers', '--overwrite'];

describe('in a real Prometheus', () => {
  let scene: Scene;
  let cores: Cores;
  let prometheus: Prometheus;
  let rolled: Network;
  let stalled: Network;
  let signalled: Network;
  const kubectl = (...args: string[]) => scene.cluster.kubectl(args);

  before(async () => {
    scene = await createScene({ env: { PROGRESS_DEADLINE_SECONDS: '5', CORE_POLL_SECONDS: '1' } });
    cores = new Cores(scene.cluster.admin, (pod) => pod.startsWith('signalled/'));
    prometheus = await Prometheus.start(scene.cluster);
    const { replicas } = await scene.start();
    prometheus.scrape(replicas);
    rolled = new Network(scene, 'rolled', { spec: quorumSpec(5, 60) });
    signalled = new Network(scene, 'signalled', { annotations: { 'stellar.org/peer-rollout': 'Signal' } });
    stalled = new Network(scene, 'stalled');
    await Promise.all([
      rolled.found(THREE),
      signalled.found(THREE),
      scene.cluster.createNamespace('stalled'),
    ]);
    // This pod becomes Ready only when the test says so, so it does not become Ready after a restart.
    await stalled.add('validator-1', { annotations: { [READY_HINT]: 'never' } });
    await Promise.all(['validator-2', 'validator-3'].map((name) => stalled.add(name)));
    await scene.pods.until('the pod of validator-1 is there', ({ pods }) =>
      pods.has(stalled.podOf('validator-1')),
    );
    await stalled.setReadiness('validator-1', '0s');
    await stalled.untilTheyKnow(THREE);
    await rolled.untilTheyKnow(THREE);
    await signalled.untilReady(THREE);
  });
  after(async () => {
    await cores?.stop();
    await scene?.stop();
  });

  it('two replicas are scraped, and no alert fires while nothing is wrong', async () => {
    await until(
      'both replicas are scraped',
      async () => (await prometheus.query('stellar_peers_leader')).length === 2,
    );
    await until('no alert fires', async () => (await prometheus.firing()).length === 0, {
      deadlineMs: 60_000,
    });
    const [leader] = await prometheus.query('stellar_peers_leader == 1');
    assert.equal(leader?.metric.instance, (await leaderOf(scene.replicas ?? { replicas: [] })).name);
  });

  it('Stalled and DriftTooLong fire while a restart does not come back, and end when it does', async () => {
    await stalled.add('validator-4');
    const { group = '' } = await prometheus.untilFires('Stalled');
    assert.match(group, /^custom-[0-9a-f]{16}$/);
    await prometheus.untilFires('DriftTooLong');
    await stalled.setReadiness('validator-1', '0s');
    await stalled.untilTheyKnow(FOUR);
    await prometheus.untilResolves('Stalled');
    await prometheus.untilResolves('DriftTooLong');
  });

  it('PausedTooLong fires while everything is paused, and WaitingTooLong while a validator is down', async () => {
    await kubectl(...PAUSE, 'stellar.org/peer-rollout=paused');
    await prometheus.untilFires('PausedTooLong');
    await rolled.add('validator-4');
    await rolled.untilReady(FOUR);
    await kubectl('annotate', 'pod', '-n', 'rolled', 'validator-3-0', `${READY_HINT}=lost`, '--overwrite');
    await until('validator-3 is down', () => !scene.pods.isReady(rolled.podOf('validator-3')));
    await kubectl(...PAUSE, 'stellar.org/peer-rollout-');
    const { reason } = await prometheus.untilFires('WaitingTooLong');
    assert.equal(reason, 'WaitingForUnavailable');
    await prometheus.untilResolves('PausedTooLong');
    await kubectl('annotate', 'pod', '-n', 'rolled', 'validator-3-0', `${READY_HINT}-`);
    await prometheus.untilResolves('WaitingTooLong');
    await rolled.untilTheyKnow(FOUR);
  });

  it('Journal fires while the journal has no room for another restart', async () => {
    const journal = { resource: ConfigMaps, namespace: 'stellar-peers', name: JOURNAL_CONFIGMAP };
    const filler = 'x'.repeat(950 * 1024);
    await scene.cluster.admin.patch(journal, [{ op: 'add', path: '/data/filler', value: filler }]);
    await rolled.add('validator-5');
    const { reason } = await prometheus.untilFires('Journal');
    assert.equal(reason, 'JournalFull');
    await scene.cluster.admin.patch(journal, [{ op: 'remove', path: '/data/filler' }]);
    await prometheus.untilResolves('Journal');
    await rolled.untilTheyKnow([...FOUR, 'validator-5']);
  });

  it('Conflict fires while another controller applies a key of ours', async () => {
    const apply = (data: Readonly<Record<string, string>>) => {
      const metadata = { name: 'stellar-peers', namespace: 'rolled' };
      const object = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
      const how = [
        'apply',
        '--server-side',
        '--force-conflicts',
        '--field-manager=other-controller',
        '-f',
        '-',
      ];
      return scene.cluster.kubectl(how, object);
    };
    await apply({ 'validator-2.peers.txt': 'theirs\n' });
    await prometheus.untilFires('Conflict');
    await apply({});
    await prometheus.untilResolves('Conflict');
  });

  it('NotConnected fires for a validator that is connected to none of its peers', async () => {
    const pod = signalled.podOf('validator-1');
    const core = await until('its HTTP port is open', () => cores.of(pod));
    const before = [
      ...(await until('it is connected', () => (core.connected.size > 0 ? core.connected : undefined))),
    ];
    // From now on, this stellar-core accepts each call to connect, and never connects.
    core.connected.add = () => core.connected;
    core.connected.clear();
    const labels = await prometheus.untilFires('NotConnected');
    assert.deepEqual([labels.namespace, labels.pod], ['signalled', 'validator-1-0']);
    for (const peer of before) Set.prototype.add.call(core.connected, peer);
    await prometheus.untilResolves('NotConnected');
  });

  it('WebhookErrors fires when many requests are not reviews', async () => {
    const [replica] = scene.replicas?.replicas ?? [];
    const caller = await createCaller(scene.cluster, replica?.webhookPort ?? 0);
    for (let call = 0; call < 100; call += 1) await caller.ask({ kind: 'Nonsense' });
    caller.stop();
    const { result } = await prometheus.untilFires('WebhookErrors');
    assert.equal(result, 'rejected');
    await prometheus.untilResolves('WebhookErrors');
  });

  it('NoLeader and StaleCache fire while the API server is away', async () => {
    await scene.cluster.restartApiServer(async () => {
      await prometheus.untilFires('StaleCache');
      await prometheus.untilFires('NoLeader');
    });
    await prometheus.untilResolves('StaleCache');
    await prometheus.untilResolves('NoLeader');
  });

  it('CertificateExpiry fires if the served certificate expires within a week', async () => {
    /** Starts new replicas, which make a new certificate. */
    const renew = async (env: Readonly<Record<string, string>>) => {
      await scene.replicas?.stop();
      await kubectl('-n', 'stellar-peers', 'delete', 'secret', CERT_SECRET);
      const { replicas } = await scene.start(2, env);
      prometheus.scrape(replicas);
    };
    await renew({ CERT_LIFETIME_SECONDS: String(3 * 86_400) });
    await prometheus.untilFires('CertificateExpiry');
    await renew({});
    await prometheus.untilResolves('CertificateExpiry');
  });

  it('no alert fires at the end, and each alert that a cluster can cause has fired', async (t) => {
    await until('nothing fires', async () => (await prometheus.firing()).length === 0, {
      deadlineMs: 60_000,
    });
    // Some alerts end within a second. A range query may miss these, so the names come from `fired`.
    const names = [...prometheus.fired].sort();
    t.diagnostic(`fired and resolved: ${names.join(', ')}`);
    assert.deepEqual(
      names,
      alertsNow()
        .map(({ alert }) => alert.replace('StellarPeers', ''))
        .filter((name) => name !== BUG_ALERT)
        .sort(),
    );
  });

  it('each query of the dashboard has had an answer', async () => {
    const unanswered: string[] = [];
    for (const query of dashboardQueries()) {
      const expr = query.replaceAll('$group', '.*').replaceAll('$__rate_interval', '5s');
      if ((await prometheus.everSince(expr)).length === 0) unanswered.push(query);
    }
    assert.deepEqual(unanswered, []);
  });

  it('kustomize builds the manifests, and the API server accepts those of built-in kinds', async () => {
    const folder = join(import.meta.dirname, '../../manifests/monitoring');
    const rendered = await kubectl('kustomize', folder);
    const own = rendered.split('---\n').filter((text) => !text.includes('monitoring.coreos.com'));
    assert.equal(own.length, 2);
    const taken = await scene.cluster.kubectl(['apply', '--server-side', '-f', '-'], own.join('---\n'));
    assert.match(taken, /configmap\/stellar-peers-dashboard .*\nservice\/stellar-peers-metrics /);
  });
});
