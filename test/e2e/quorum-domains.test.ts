/** The quorum margin beyond one group: the vote of a home domain, and a network over several namespaces. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { WITHOUT_ROLE } from '../cluster/audit.ts';
import { Network, THREE } from '../cluster/network.ts';
import { CONFIG_HINT } from '../cluster/operator-objects.ts';
import { domainSpec, quorumSpec } from '../cluster/quorum-sets.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { eventsIn, type ToldEvent, untilWaiting } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const TWO = THREE.slice(0, 2);
const HALVES = ['half-a', 'half-b'];
const NO_ROLE = /may not be read \(manifests\/quorum-sets\)/;
const ROLE = join(import.meta.dirname, '../../manifests/quorum-sets/role.yaml');

describe('the quorum beyond a group', () => {
  const scene = startedScene(() => sharedScene());

  /** Two validators that know each other, and a third that has joined and that they do not know. */
  async function joined(network: Network, isNew = true): Promise<void> {
    if (isNew) await network.found(TWO);
    else await Promise.all(TWO.map((name) => network.add(name)));
    await network.untilTheyKnow(TWO);
    await network.add('validator-3');
    await network.untilReady(THREE);
  }

  it('restarts the validators of a home domain that needs two of three, one at a time', async () => {
    const network = new Network(scene, 'domain', { spec: domainSpec(3, 'own.example') });
    const sinceMs = Date.now();
    await joined(network);
    await network.untilTheyKnow(THREE);
    await settled(scene);
    network.assertRestarts(THREE, [1, 1, 0]);
    assert.equal(network.mostDown(sinceMs), 1);
  });

  it('keeps the vote of a home domain while another validator of it is suspended', async () => {
    const network = await new Network(scene, 'suspended', {
      spec: domainSpec(4, 'own.example'),
    }).foundUpToDate(TWO);
    await network.change('validator-2', { suspended: true });
    await scene.pods.until(
      'the pod of validator-2 is gone',
      ({ pods }) => !pods.has(network.podOf('validator-2')),
    );
    const before = network.restarts(['validator-1']);
    const newcomers = ['validator-3', 'validator-4'];
    await Promise.all(newcomers.map((name) => network.add(name)));
    await network.untilReady(newcomers);
    const names = ['validator-1'];
    const status = await untilWaiting(scene, { namespace: 'suspended', names, reason: 'QuorumMargin' });
    assert.match(status, /can spare 1, down already: suspended\/validator-2/);
    await settled(scene);
    assert.deepEqual(network.restarts(['validator-1']), before);
  });

  it('keeps five of six validators up, although these are in two groups that do not know each other', async () => {
    await scene.replicas?.stop();
    await scene.start(2, { PEER_SCOPE: 'namespace' });
    const spec = { ...quorumSpec(6, 75), customNetworkPassphrase: 'six in two halves ; 2026' };
    const halves = HALVES.map((namespace) => new Network(scene, namespace, { spec }));
    const sinceMs = Date.now();
    await Promise.all(halves.map((half) => joined(half)));
    await Promise.all(halves.map((half) => half.untilTheyKnow(THREE)));
    await settled(scene);
    for (const half of halves) half.assertRestarts(THREE, [1, 1, 0]);
    const inside = (pod: string) => (HALVES.includes(pod.split('/')[0] ?? '') ? 'six' : undefined);
    assert.equal(scene.pods.maxDown(inside, { sinceMs }).six, 1);
  });

  /** Validators whose quorum set is only in their configuration, in a namespace whose annotation asks us to read it. */
  async function mounting(namespace: string): Promise<Network> {
    const { validatorConfig } = quorumSpec(3, 66);
    const network = new Network(scene, namespace, {
      annotations: { [CONFIG_HINT]: validatorConfig.quorumSet },
    });
    await scene.cluster.createNamespace(namespace);
    await scene.cluster.kubectl(['annotate', 'namespace', namespace, 'stellar.org/peer-quorum-unknown=read']);
    return network;
  }

  it('reads quorum sets from the mounted ConfigMap if the Namespace asks for it and a Role allows it', async () => {
    const [open, closed] = await Promise.all([mounting('mounted'), mounting(WITHOUT_ROLE)]);
    await scene.cluster.kubectl(['-n', 'mounted', 'apply', '-f', ROLE]);
    await Promise.all([open, closed].map((network) => joined(network, false)));
    await open.untilTheyKnow(THREE);
    const isTold = (events: readonly ToldEvent[]) => (name: string) =>
      events.some(
        ({ node, reason, note }) => node === name && reason === 'QuorumUnknown' && NO_ROLE.test(note),
      );
    await until('both validators have an Event that no Role allows the read', async () =>
      TWO.every(isTold(await eventsIn(scene.cluster, WITHOUT_ROLE))),
    );
    await settled(scene);
    open.assertRestarts(THREE, [1, 1, 0]);
    closed.assertRestarts(THREE, [0, 0, 0]);
  });
});
