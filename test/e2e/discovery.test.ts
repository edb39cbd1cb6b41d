/** Discovery: which validators are peers of each other, by the ConfigMaps of a real API server. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Pods, StatefulSets, StellarNodes } from '../../runtime/kube/resources.ts';
import { ourRefusals } from '../cluster/audit.ts';
import { addressOf, Published } from '../cluster/published.ts';
import type { Replicas } from '../cluster/replica.ts';
import { createValidator, podNow, type Scene } from '../cluster/scene.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { eventsIn, metricOf, statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const HARBOUR = 'Harbour network ; 2026';
const TESTNET = 'Test SDF Network ; September 2015';
/** The tests look for the validators of this network among other objects. */
const harbour = { network: 'custom', customNetworkPassphrase: HARBOUR };
/** A long stabilization, so that no validator is restarted: these tests are about lists. */
const QUIET = { STABILIZATION_SECONDS: '600' };

describe('discovery', () => {
  let scene: Scene;
  let published: Published;
  let replicas: Replicas;

  const create = (key: string, spec: object, annotations: Record<string, string> = {}) => {
    const [namespace = '', name = ''] = key.split('/');
    return createValidator(scene, name, { namespace, annotations, spec: { ...spec } });
  };
  const remove = (key: string) => {
    const [namespace = '', name = ''] = key.split('/');
    return scene.cluster.kubectl(['delete', 'stellarnode', '-n', namespace, name]);
  };
  const ipOf = (pod: string) =>
    (scene.pods.pods.get(pod)?.status as { podIP?: string } | undefined)?.podIP ?? 'none';
  /** Waits until the overview lists exactly the pods `-0` of these validators, with their present addresses. */
  const untilKnown = (keys: readonly string[], port = 11625) =>
    published.until(
      `KNOWN_PEERS lists ${keys.join(', ')}`,
      () =>
        published.knownPeers().join() ===
        keys
          .map((key) => `${ipOf(`${key}-0`)}:${port}`)
          .sort()
          .join(),
      { seen: () => published.knownPeers() },
    );

  before(async () => {
    scene = await sharedScene({ replicas: 1, env: QUIET });
    published = new Published(scene.cluster.admin);
    replicas = await scene.start();
    await Promise.all(['north', 'south'].map((namespace) => scene.cluster.createNamespace(namespace)));
  });
  after(async () => {
    await published?.stop();
    await scene?.stop();
  });

  it('finds one network in both generations of the definition and in several namespaces, and never mixes two networks', async () => {
    await Promise.all([
      create('north/h1', harbour),
      create('north/h2', { network: { Custom: HARBOUR }, customNetworkPassphrase: null }),
      create('south/h3', { network: { custom: HARBOUR }, customNetworkPassphrase: null }),
      create('north/t1', { network: 'testnet', customNetworkPassphrase: null }),
      create('south/t2', { network: 'Testnet', customNetworkPassphrase: null }),
      create('south/t3', { network: 'custom', customNetworkPassphrase: TESTNET }),
      create('south/m1', { network: 'Mainnet', customNetworkPassphrase: null }),
    ]);
    const [h1, h2, h3] = [addressOf('north', 'h1'), addressOf('north', 'h2'), addressOf('south', 'h3')];
    const [t1, t2, t3] = [addressOf('north', 't1'), addressOf('south', 't2'), addressOf('south', 't3')];
    await published.untilPeers({
      'north/h1': [h2, h3],
      'north/h2': [h1, h3],
      'south/h3': [h1, h2],
      'north/t1': [t2, t3],
      'south/t2': [t1, t3],
      'south/t3': [t1, t2],
      'south/m1': [],
    });
    await untilKnown(['north/h1', 'north/h2', 'north/t1', 'south/h3', 'south/m1', 'south/t2', 'south/t3']);
    const networks = published.networks().map(({ title, peers }) => [title, peers.map(({ name }) => name)]);
    assert.deepEqual(Object.fromEntries(networks), {
      [HARBOUR]: ['h1', 'h2', 'h3'],
      mainnet: ['m1'],
      testnet: ['t1', 't2', 't3'],
    });
    const [peer] = published.networks().find(({ title }) => title === HARBOUR)?.peers ?? [];
    assert.deepEqual(peer, {
      namespace: 'north',
      name: 'h1',
      ordinal: 0,
      dns: h1.replace(':11625', ''),
      ip: ipOf('north/h1-0'),
      port: 11625,
    });
    assert.deepEqual([published.metadata().peer_count, published.metadata().active_validators], [7, 7]);
  });

  it('accepts only pods of the StellarNode’s own StatefulSet as peers', async () => {
    const { admin } = scene.cluster;
    const real = await podNow(scene, 'h1-0', 'north');
    assert.ok(real);
    const labels = { ...real.metadata.labels };
    // One validator has no pod of its own yet: its operator is away.
    await scene.operate(undefined);
    await create('north/late', harbour);
    await published.until('late is published', () => published.peersOf('north', 'late')?.length === 3);
    const orphans = { app: 'orphan', ...labels };
    const set = await admin.create(StatefulSets, {
      metadata: { name: 'orphan', namespace: 'north', labels },
      spec: {
        serviceName: 'orphan-headless',
        selector: { matchLabels: { app: 'orphan' } },
        template: { metadata: { labels: orphans }, spec: { containers: SLEEPER } },
      },
    });
    for (const name of ['stray-0', 'late-0']) {
      await admin.create(Pods, {
        metadata: { name, namespace: 'north', labels },
        spec: { containers: SLEEPER },
      });
    }
    const strays = ['north/stray-0', 'north/late-0', 'north/orphan-0'];
    await scene.pods.until('the strays run', (pods) => strays.every((name) => pods.isReady(name)));
    // A real pod that was created after the stray pods is listed, so the stray pods were seen too.
    await scene.operate({});
    await create('south/h4', harbour);
    const [h1, h2, h3, h4] = [
      addressOf('north', 'h1'),
      addressOf('north', 'h2'),
      addressOf('south', 'h3'),
      addressOf('south', 'h4'),
    ];
    const late = addressOf('north', 'late');
    await published.untilPeers({ 'south/h4': [h1, h2, h3, late], 'north/h1': [h2, h3, h4, late] });
    const known = ['h1', 'h2', 't1'].map((name) => `north/${name}`);
    const others = ['h3', 'h4', 'm1', 't2', 't3'].map((name) => `south/${name}`);
    await untilKnown([...known, ...others]);
    const ips = published.networks().flatMap(({ peers }) => peers.map(({ ip }) => ip));
    for (const stray of strays) assert.ok(!ips.includes(ipOf(stray)), `${stray} is in networks.json`);
    assert.equal(published.metadata().peer_count, 8);
    for (const stray of ['stray-0', 'late-0', 'orphan-0']) {
      const pod = await podNow(scene, stray, 'north');
      assert.ok(pod, stray);
      assert.equal(pod.metadata.annotations?.['stellar.org/peers'], undefined, `${stray} was stamped`);
      const { volumes = [] } = pod.spec as { volumes?: Array<{ name: string }> };
      assert.ok(!volumes.some(({ name }) => name === 'stellar-peers'), `${stray} was injected`);
    }
    await scene.cluster.kubectl(['delete', 'statefulset', '-n', 'north', set.metadata.name]);
    await remove('north/late');
    await scene.cluster.kubectl(['delete', 'pod', '-n', 'north', 'stray-0', 'late-0']);
    await remove('south/h4');
    await published.untilPeers({ 'north/h1': [h2, h3] });
  });

  it('does not accept a Horizon, SorobanRpc, suspended or deleted StellarNode as a peer', async () => {
    await Promise.all([
      create('north/horizon', { ...harbour, nodeType: 'Horizon' }),
      create('north/soroban', { ...harbour, nodeType: 'SorobanRpc' }),
      create('north/asleep', { ...harbour, suspended: true }),
      create('north/leaving', harbour),
    ]);
    const [h1, h2, h3] = [addressOf('north', 'h1'), addressOf('north', 'h2'), addressOf('south', 'h3')];
    await published.untilPeers({ 'north/h1': [h2, h3, addressOf('north', 'leaving')] });
    await until('all StellarNodes that may have a pod have one', async () => {
      const { items } = await scene.cluster.admin.list(Pods, { namespace: 'north' });
      const running = items.filter(({ status }) => (status as { phase?: string }).phase === 'Running');
      return ['horizon-', 'soroban-', 'leaving-'].every((prefix) =>
        running.some(({ metadata }) => metadata.name.startsWith(prefix)),
      );
    });
    await remove('north/leaving');
    await published.untilPeers({ 'north/h1': [h2, h3], 'north/h2': [h1, h3], 'south/h3': [h1, h2] });
    await untilKnown(['north/h1', 'north/h2', 'north/t1', 'south/h3', 'south/m1', 'south/t2', 'south/t3']);
    const names = ['horizon', 'soroban', 'asleep', 'leaving'];
    for (const name of names) assert.equal(published.peersOf('north', name), undefined, name);
    assert.ok(!names.some((name) => published.data('stellar-peers')['networks.json']?.includes(`"${name}"`)));
    await published.until(
      'all are counted',
      () => published.metadata().peer_count === 7 && published.metadata().active_validators === 7,
      { seen: () => published.metadata() },
    );
    await Promise.all(['horizon', 'soroban', 'asleep'].map((name) => remove(`north/${name}`)));
  });

  it('reads the peer port from the field and from the annotation, and refuses an invalid port with a reason', async () => {
    const port = (peerPort: unknown) => ({ ...harbour, validatorConfig: { peerPort } });
    const annotation = (value: string) => ({ 'stellar.org/peer-port': value });
    const refused = ['zero', 'huge', 'text', 'noted-zero', 'noted-huge', 'noted-text'];
    await Promise.all([
      create('north/field', port(21625)),
      create('north/noted', harbour, annotation('31625')),
      create('north/zero', port(0)),
      create('north/huge', port(70_000)),
      create('north/text', port('abc')),
      create('north/noted-zero', harbour, annotation('0')),
      create('north/noted-huge', harbour, annotation('70000')),
      create('north/noted-text', harbour, annotation('abc')),
    ]);
    const [h1, h2, h3] = [addressOf('north', 'h1'), addressOf('north', 'h2'), addressOf('south', 'h3')];
    const [field, noted] = [addressOf('north', 'field', 21_625), addressOf('north', 'noted', 31_625)];
    await published.untilPeers({
      'north/h1': [h2, h3, field, noted],
      'south/h3': [h1, h2, field, noted],
      'north/field': [h1, h2, h3, noted],
      'north/noted': [h1, h2, h3, field],
    });
    const told = await until('every refusal is reported', async () => {
      const events = (await eventsIn(scene.cluster, 'north')).filter(
        ({ reason }) => reason === 'InvalidPort',
      );
      return events.length >= refused.length ? events : undefined;
    });
    assert.deepEqual(told.map(({ node }) => node).sort(), [...refused].sort());
    assert.match(told.find(({ node }) => node === 'huge')?.note ?? '', /70000.*peer-port/);
    assert.equal(await metricOf(replicas.replicas, 'stellar_peers_waiting{reason="InvalidPort"}'), 6);
    const status = await statusOf(scene.cluster);
    for (const name of refused) {
      assert.match(status, new RegExp(`north +${name} .*InvalidPort`));
      assert.equal(published.peersOf('north', name), undefined);
    }
    assert.match(status, /north\/noted-text, north\/text\n.*\("abc"\)/);
    await until('the ports are in the overview', () =>
      [`${ipOf('north/field-0')}:21625`, `${ipOf('north/noted-0')}:31625`].every((peer) =>
        published.knownPeers().includes(peer),
      ),
    );
  });

  it('accepts a refused validator as soon as its port is corrected', async () => {
    const ref = { resource: StellarNodes, namespace: 'north', name: 'huge' };
    await scene.cluster.admin.patch(ref, [
      { op: 'replace', path: '/spec/validatorConfig/peerPort', value: 7000 },
    ]);
    const wanted = addressOf('north', 'huge', 7000);
    const isKnown = () => published.peersOf('south', 'h3')?.includes(wanted) === true;
    const knows = () => published.peersOf('north', 'huge')?.length === 5;
    await published.until('huge is a peer', () => isKnown() && knows());
  });

  it('with scope namespace, lets validators know only those of their own namespace', async () => {
    for (const replica of replicas.replicas) {
      replica.kill('SIGTERM');
      await replica.exited;
    }
    await scene.start(1, { PEER_SCOPE: 'namespace' });
    const [h1, h2] = [addressOf('north', 'h1'), addressOf('north', 'h2')];
    const [field, noted] = [addressOf('north', 'field', 21_625), addressOf('north', 'noted', 31_625)];
    const huge = addressOf('north', 'huge', 7000);
    await published.untilPeers({
      'north/h1': [h2, field, noted, huge],
      'north/field': [h1, h2, noted, huge],
      'south/h3': [],
      'north/t1': [],
      'south/t2': [addressOf('south', 't3')],
      'south/t3': [addressOf('south', 't2')],
    });
  });

  it('has restarted no validator, and no request was refused', async () => {
    // The stray late-0 was deleted by hand. Its StatefulSet may have made another late-0 before it was deleted.
    const { 'north/late-0': _, ...restarts } = scene.pods.restarts();
    assert.deepEqual(restarts, {}, scene.pods.print());
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});

const SLEEPER = [{ name: 'stellar-node', image: 'sleeper' }];
