/** Addresses that people give: what a validator advertises, and peers outside the cluster. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Network, THREE } from '../cluster/network.ts';
import { addressOf, Published } from '../cluster/published.ts';
import type { Scene } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { eventsIn, metricOf, statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const UNTOUCHED = { 'validator-1': 0, 'validator-2': 0, 'validator-3': 0 };

describe('addresses', () => {
  let scene: Scene;
  let published: Published;

  const annotate = (namespace: string, node: string, value: string) =>
    scene.cluster.kubectl(['-n', namespace, 'annotate', 'stellarnode', node, value, '--overwrite']);
  const hashOf = (namespace: string, node: string): string =>
    JSON.parse(published.data(namespace)[`${node}.view.json`] ?? '{}').hash;

  before(async () => {
    // With ROLL_BELOW=all every drift causes a restart, so a change without a restart is no drift.
    scene = await sharedScene({ replicas: 1, env: { ROLL_BELOW: 'all', CORE_HTTP_PORT: '0' } });
    published = new Published(scene.cluster.admin);
    await scene.start();
  });
  after(async () => {
    await published?.stop();
    await scene?.stop();
  });

  it('are advertised as the StellarNode says, and changing an advertised address restarts no validator', async () => {
    const network = await new Network(scene, 'advertised').foundUpToDate();
    const before = hashOf('advertised', 'validator-2');
    await annotate('advertised', 'validator-1', 'stellar.org/peer-address=one.example.org:31625');
    const others = {
      'advertised/validator-2': ['one.example.org:31625', addressOf('advertised', 'validator-3')],
    };
    await published.untilPeers(others);
    await settled(scene);
    assert.equal(hashOf('advertised', 'validator-2'), before);
    assert.deepEqual(network.restarts(THREE), UNTOUCHED);
    const entryOf = () =>
      published
        .networks()
        .flatMap(({ peers }) => peers.filter(({ namespace }) => namespace === 'advertised'))[0];
    await published.until('the overview shows the validator', () => entryOf() !== undefined);
    assert.equal(entryOf()?.dns, 'validator-1-0.validator-1-headless.advertised.svc.cluster.local');
  });

  it('are ignored if they are not valid, and an Event on the StellarNode says so', async () => {
    const network = await new Network(scene, 'broken').foundUpToDate();
    await annotate('broken', 'validator-1', 'stellar.org/peer-address=http://one.example.org');
    const event = await until('an Event says so', async () =>
      (await eventsIn(scene.cluster, 'broken')).find(({ reason }) => reason === 'InvalidAddress'),
    );
    assert.equal(event.node, 'validator-1');
    await published.untilPeers({
      'broken/validator-2': [addressOf('broken', 'validator-1'), addressOf('broken', 'validator-3')],
    });
    await settled(scene);
    assert.deepEqual(network.restarts(THREE), UNTOUCHED);
  });

  it('of peers outside the cluster are in every file of their network, and restart no validator', async () => {
    const network = await new Network(scene, 'outside').foundUpToDate();
    const idOf = () =>
      published.networks().find(({ peers }) => peers.some(({ namespace }) => namespace === 'outside'))
        ?.network;
    await published.until('the overview shows the network', () => idOf() !== undefined);
    const id = idOf() ?? '';
    const list = 'core.example.org\n# a comment\n203.0.113.7:11725 # and another\nnot an address\n';
    const external = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'stellar-peers-external', namespace: 'stellar-peers' },
      data: { [id]: list },
    };
    await scene.cluster.kubectl(['apply', '-f', '-'], JSON.stringify(external));
    const inside = [addressOf('outside', 'validator-2'), addressOf('outside', 'validator-3')];
    const all = [...inside, 'core.example.org:11625', '203.0.113.7:11725'];
    await published.untilPeers({ 'outside/validator-1': all });
    const { replicas = [] } = scene.replicas ?? {};
    await until('the line that is not an address is reported', async () => {
      const waiting = await metricOf(replicas, 'stellar_peers_waiting{reason="InvalidExternalPeers"}');
      return waiting === 1 || undefined;
    });
    assert.match(await statusOf(scene.cluster), /InvalidExternalPeers\n.*line 4: "not an address"/);
    await settled(scene);
    assert.deepEqual(network.restarts(THREE), UNTOUCHED);
    await scene.cluster.kubectl(['-n', 'stellar-peers', 'delete', 'configmap', 'stellar-peers-external']);
    await published.untilPeers({ 'outside/validator-1': inside });
    await settled(scene);
    assert.deepEqual(network.restarts(THREE), UNTOUCHED);
  });

  it('in knownPeers of a StellarNode are only in its own file, and restart no validator', async () => {
    const network = await new Network(scene, 'own').foundUpToDate();
    const spec = {
      crossCluster: {
        enabled: true,
        peerClusters: [{ clusterId: 'west', endpoint: 'west.example.org', port: 11725 }],
      },
      validatorConfig: { knownPeers: 'KNOWN_PEERS=["core.example.org", "not an address"]' },
    };
    await scene.cluster.kubectl([
      ...['-n', 'own', 'patch', 'stellarnode', 'validator-1', '--type=merge'],
      ...['-p', JSON.stringify({ spec })],
    ]);
    const [one, two, three] = THREE.map((name) => addressOf('own', name));
    await published.untilPeers({
      'own/validator-1': [two, three, 'core.example.org:11625', 'west.example.org:11725'].map(String),
      'own/validator-2': [one, three].map(String),
    });
    const event = await until('an Event says so', async () =>
      (await eventsIn(scene.cluster, 'own')).find(({ reason }) => reason === 'InvalidOwnPeers'),
    );
    assert.equal(event.node, 'validator-1');
    await settled(scene);
    assert.deepEqual(network.restarts(THREE), UNTOUCHED);
  });
});
