/** Restarts that would do harm: the next pod would have no peers, or another pod would take its node. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject, PatchOperation } from '../../runtime/kube/port.ts';
import { MutatingWebhookConfigurations } from '../../runtime/kube/resources.ts';
import { Network, THREE } from '../cluster/network.ts';
import { Nodes } from '../cluster/resources.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { journalOf, untilWaiting } from '../cluster/told.ts';

const FOURTH = 'validator-4';
const FOUR = [...THREE, FOURTH];
const OPT_OUT = 'stellar.org/peer-injection=disabled';
const WEBHOOK = { resource: MutatingWebhookConfigurations, name: 'stellar-peers' };

function isUnschedulable(pod: KubeObject | undefined): boolean {
  const { conditions = [] } = (pod?.status ?? {}) as {
    conditions?: ReadonlyArray<{ type: string; status: string; reason?: string }>;
  };
  return conditions.some(
    ({ type, status, reason }) => type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
  );
}

describe('validators that lack a peer, and that a restart would harm,', () => {
  const scene = startedScene(() => sharedScene());

  /** A fourth validator of the network joins in another namespace. From then on, the three lack it. */
  async function joinElsewhere({ namespace }: Network): Promise<void> {
    const spec = { customNetworkPassphrase: `${namespace} ; 2026` };
    const elsewhere = new Network(scene, `${namespace}-elsewhere`, { spec });
    await elsewhere.found([FOURTH]);
    await elsewhere.untilReady([FOURTH]);
    assert.ok(elsewhere.stamp(FOURTH), 'the fourth is injected as usual');
  }

  async function assertLeftAlone(network: Network, reason: string): Promise<void> {
    const { namespace } = network;
    const peers = THREE.map((name) => network.stamp(name));
    await untilWaiting(scene, { namespace, names: THREE, reason });
    await settled(scene);
    network.assertRestarts(THREE, [0, 0, 0]);
    assert.deepEqual(
      THREE.map((name) => network.stamp(name)),
      peers,
      'the three keep the peers that they have',
    );
    const entries = await journalOf(scene.cluster, ({ statefulSet }) =>
      statefulSet.startsWith(`${namespace}/`),
    );
    assert.deepEqual(entries, [], 'the journal has no restart of the three');
  }

  async function untilRolled(network: Network, peers = 3): Promise<void> {
    const done = () => Object.values(network.restarts(THREE)).every((count) => count === 1);
    await scene.pods.until('each was restarted once', done, 90_000);
    await network.untilReady(THREE);
    await settled(scene);
    network.assertRestarts(THREE, [1, 1, 1]);
    for (const name of THREE) assert.equal(network.stamp(name)?.split(',').length, peers, name);
  }

  it('because they opted out by a label on their Namespace, wait with a reason until the label is gone', async () => {
    const network = await new Network(scene, 'by-namespace').foundUpToDate();
    await scene.cluster.kubectl(['label', 'namespace', 'by-namespace', OPT_OUT]);
    await joinElsewhere(network);
    await assertLeftAlone(network, 'OptedOut');
    await scene.cluster.kubectl(['label', 'namespace', 'by-namespace', `${OPT_OUT.split('=')[0]}-`]);
    await untilRolled(network);
  });

  it('because they opted out by an annotation on their StellarNode, wait with a reason', async () => {
    const network = await new Network(scene, 'by-node').foundUpToDate();
    await scene.cluster.kubectl(['-n', 'by-node', 'annotate', 'stellarnode', ...THREE, OPT_OUT]);
    await joinElsewhere(network);
    await assertLeftAlone(network, 'OptedOut');
  });

  /** Runs `body` while the webhook selects fewer pods. */
  async function whileNarrowed(narrow: PatchOperation, body: () => Promise<void>): Promise<void> {
    const { path } = narrow;
    const found = await scene.cluster.admin.get(WEBHOOK);
    const [webhook] = (found?.webhooks ?? []) as Array<Record<string, unknown>>;
    const value = webhook?.[path.slice('/webhooks/0/'.length)];
    await scene.cluster.admin.patch(WEBHOOK, [narrow]);
    try {
      await body();
    } finally {
      await scene.cluster.admin.patch(WEBHOOK, [{ op: 'replace', path, value }]);
    }
  }

  it('because the webhook does not select their namespace, wait with a reason until it does', async () => {
    const network = await new Network(scene, 'by-selector').foundUpToDate();
    const matchExpressions = [
      { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['stellar-peers', 'by-selector'] },
    ];
    const path = '/webhooks/0/namespaceSelector';
    await whileNarrowed({ op: 'replace', path, value: { matchExpressions } }, async () => {
      await joinElsewhere(network);
      await assertLeftAlone(network, 'NotSelected');
    });
    await untilRolled(network);
  });

  it('because the webhook does not select their labels, wait with a reason until it does', async () => {
    const network = await new Network(scene, 'by-labels').foundUpToDate();
    const matchLabels = { 'stellar.org/node-type': 'Validator', 'app.kubernetes.io/instance': FOURTH };
    const path = '/webhooks/0/objectSelector';
    await whileNarrowed({ op: 'replace', path, value: { matchLabels } }, async () => {
      await joinElsewhere(network);
      await assertLeftAlone(network, 'NotSelected');
    });
    await untilRolled(network);
  });

  /** Runs `body` while only the nodes of the three validators can take pods. */
  async function whileFull(network: Network, body: () => Promise<void>): Promise<void> {
    const used = THREE.map((name) => scene.pods.pods.get(network.podOf(name))?.spec as { nodeName: string });
    const { items } = await scene.cluster.admin.list(Nodes, {});
    const free = items
      .map(({ metadata }) => metadata.name)
      .filter((name) => used.every(({ nodeName }) => nodeName !== name));
    await scene.cluster.kubectl(['cordon', ...free]);
    try {
      await body();
    } finally {
      await scene.cluster.kubectl(['uncordon', ...free]);
    }
  }

  it('because a Pending pod would take the node of one of them, wait with a reason until that pod has a node', async () => {
    const network = await new Network(scene, 'no-node').foundUpToDate();
    await whileFull(network, async () => {
      await network.add(FOURTH);
      await scene.pods.until('the fourth has no node', ({ pods }) =>
        isUnschedulable(pods.get(network.podOf(FOURTH))),
      );
      await joinElsewhere(network);
      const status = await untilWaiting(scene, { namespace: 'no-node', names: THREE, reason: 'NoNode' });
      assert.match(status, /\(no-node\/validator-4-0\)/);
      await settled(scene);
      network.assertRestarts(FOUR, [0, 0, 0, 0]);
    });
    await untilRolled(network, 4);
    await network.untilReady(FOUR);
    assert.equal(network.mostDown(0), 1);
  });
});
