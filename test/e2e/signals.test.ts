/** Signals to running validators: which requests arrive at a stand-in for stellar-core's HTTP port in each pod. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Pods } from '../../runtime/kube/resources.ts';
import { Cores } from '../cluster/cores.ts';
import { FOUR, leaderOf, Network, THREE } from '../cluster/network.ts';
import { podNow, type Scene } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { eventsIn, metricOf, statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const SIGNAL = 'stellar.org/peer-rollout=Signal';
/** If the leader sends no signal within so many visits, the test concludes that it sends none. */
const VISITS = 3;
const POLL_SECONDS = 1;

describe('signals', () => {
  let scene: Scene;
  let cores: Cores;

  const ipOf = (pod: string) => (scene.pods.pods.get(pod)?.status as { podIP?: string } | undefined)?.podIP;
  const atPeer = (pod: string) => `${ipOf(pod)}:11625`;
  const kubectl = (...args: string[]) => scene.cluster.kubectl(args);
  /** Waits until the stand-in of each of these validators is connected to all the others. */
  const untilConnected = (network: Network, names: readonly string[]) =>
    until(`${names.join(', ')} of ${network.namespace} are connected`, async () =>
      names.every((name) => {
        const { connected } = cores.of(network.podOf(name)) ?? { connected: new Set<string>() };
        return names.every((other) => other === name || connected.has(atPeer(network.podOf(other))));
      }),
    );
  const callsTo = (network: Network, name: string) => cores.of(network.podOf(name))?.calls ?? [];
  /** Waits until the leader has visited each of these validators `visits` times more. */
  async function untilVisited(network: Network, names: readonly string[], visits = VISITS): Promise<void> {
    const countOf = (name: string) => callsTo(network, name).filter((call) => call === '/info').length;
    const before = names.map(countOf);
    await until(`${names.join(', ')} of ${network.namespace} are visited ${visits} times more`, () =>
      names.every((name, index) => countOf(name) >= (before[index] ?? 0) + visits),
    );
  }
  /** Creates a network whose validators are signalled instead of restarted. */
  async function createNetwork(namespace: string, names: readonly string[]): Promise<Network> {
    const network = new Network(scene, namespace);
    await scene.cluster.createNamespace(namespace);
    await kubectl('annotate', 'namespace', namespace, SIGNAL);
    await Promise.all(names.map((name) => network.add(name)));
    await network.untilReady(names);
    return network;
  }

  before(async () => {
    scene = await sharedScene({ env: { CORE_POLL_SECONDS: String(POLL_SECONDS) } });
    cores = new Cores(scene.cluster.admin, (pod) => !pod.startsWith('closed/'));
    await scene.start();
  });
  after(async () => {
    await cores?.stop();
    await scene?.stop();
  });

  it('go once to one validator of each new pair when a validator joins, and no validator restarts', async () => {
    const network = await createNetwork('join', THREE);
    await untilConnected(network, THREE);
    await network.add('validator-4');
    await network.untilReady(FOUR);
    await untilConnected(network, FOUR);
    await untilVisited(network, FOUR);
    await settled(scene);
    assert.deepEqual(network.restarts(FOUR), Object.fromEntries(FOUR.map((name) => [name, 0])));
    for (const name of THREE) {
      const calls = [
        ...cores.dialled(network.podOf(name)).filter((peer) => peer === atPeer(network.podOf('validator-4'))),
        ...cores.dialled(network.podOf('validator-4')).filter((peer) => peer === atPeer(network.podOf(name))),
      ];
      assert.equal(calls.length, 1, name);
    }
    assert.match(
      await statusOf(scene.cluster),
      /join +validator-1 +1\/1 +2 +3 +3\/3 +3\/3 +yes .*SignalledInstead/,
    );
  });

  it('give the new address of a validator whose pod was replaced, and no other validator restarts', async () => {
    const network = await createNetwork('moves', THREE);
    await untilConnected(network, THREE);
    const before = atPeer(network.podOf('validator-2'));
    await network.deletePod('validator-2');
    await scene.pods.until('it is replaced', () => network.restarts(THREE)['validator-2'] === 1);
    await untilConnected(network, THREE);
    assert.notEqual(atPeer(network.podOf('validator-2')), before);
    assert.deepEqual(network.restarts(THREE), { 'validator-1': 0, 'validator-2': 1, 'validator-3': 0 });
  });

  it('need only two requests for each validator in each poll while nothing changes', async () => {
    const network = await createNetwork('rests', THREE);
    await untilConnected(network, THREE);
    await until('the leader has asked each validator once more', async () => {
      const asked = THREE.map((name) => cores.of(network.podOf(name))?.calls.at(-1));
      return asked.every((call) => call === '/info');
    });
    const before = THREE.map((name) => callsTo(network, name).length);
    const sinceMs = performance.now();
    await untilVisited(network, THREE);
    const since = THREE.map((name, index) => callsTo(network, name).slice(before[index]));
    const atMost = (2 * (performance.now() - sinceMs)) / (POLL_SECONDS * 1000 * 0.8) + 2;
    for (const calls of since) {
      assert.deepEqual([...new Set(calls)].sort(), ['/info', '/peers']);
      assert.ok(calls.length <= atMost, `${calls.length} calls, of at most ${atMost}`);
    }
  });

  it('that cannot arrive cause one Event on the StellarNode and no more calls', async () => {
    const network = await createNetwork('closed', ['validator-1', 'validator-2']);
    await network.add('validator-3');
    const closedEvents = async () =>
      (await eventsIn(scene.cluster, 'closed')).filter(({ reason }) => reason === 'SignalPortClosed');
    await until('an Event says so', async () => (await closedEvents()).length >= 2 || undefined);
    await settled(scene);
    const nodes = (await closedEvents()).map(({ node }) => node);
    assert.deepEqual(nodes.length, new Set(nodes).size);
    assert.deepEqual(network.restarts(THREE), { 'validator-1': 0, 'validator-2': 0, 'validator-3': 0 });
  });

  it('go to no pod that has only the labels of a validator', async () => {
    const network = await createNetwork('stray', ['validator-1', 'validator-2']);
    const own = await podNow(scene, 'validator-1-0', 'stray');
    const spec = { ...(own?.spec as { containers: object }), nodeName: undefined, affinity: undefined };
    const metadata = { name: 'validator-9-0', namespace: 'stray', labels: own?.metadata.labels ?? {} };
    await scene.cluster.admin.create(Pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec } as KubeObject);
    await until('the stray pod listens', async () => cores.of('stray/validator-9-0'));
    await untilConnected(network, ['validator-1', 'validator-2']);
    await untilVisited(network, ['validator-1', 'validator-2']);
    assert.deepEqual(cores.of('stray/validator-9-0')?.calls, []);
    assert.ok(!cores.dialled('stray/validator-1-0').includes(atPeer('stray/validator-9-0')));
  });

  it('wait while paused: validators get no request at all', async () => {
    const unpaused = await createNetwork('unpaused', ['validator-1', 'validator-2']);
    const network = await createNetwork('paused', ['validator-1', 'validator-2']);
    await untilConnected(network, ['validator-1', 'validator-2']);
    await kubectl('annotate', 'namespace', 'paused', 'stellar.org/peer-rollout=paused', '--overwrite');
    const paused = () => metricOf(scene.replicas?.replicas ?? [], 'stellar_peers_paused_validators');
    await until('the pause is seen', async () => (await paused()) === 2);
    await network.add('validator-3');
    await network.untilReady(THREE);
    await settled(scene);
    await untilVisited(unpaused, ['validator-1', 'validator-2']);
    assert.ok(!cores.dialled('paused/validator-1-0').includes(atPeer('paused/validator-3-0')));
    await kubectl('annotate', 'namespace', 'paused', SIGNAL, '--overwrite');
    await untilConnected(network, THREE);
  });

  it('are not repeated by a new leader to validators that are connected', async () => {
    const network = await createNetwork('failover', THREE);
    await untilConnected(network, THREE);
    assert.ok(scene.replicas);
    const leader = await leaderOf(scene.replicas);
    const before = THREE.map((name) => cores.dialled(network.podOf(name)));
    leader.kill('SIGKILL');
    const others = scene.replicas.replicas.filter((replica) => replica !== leader);
    await until('another replica leads and has asked all validators', async () => {
      const connected = await metricOf(others, 'stellar_peers_connected_peers{namespace="failover"');
      return connected === 6 && (await metricOf(others, 'stellar_peers_synced{namespace="failover"')) === 3;
    });
    assert.deepEqual(
      THREE.map((name) => cores.dialled(network.podOf(name))),
      before,
    );
  });
});
