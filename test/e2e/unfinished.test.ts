/** Restarts that go wrong: some do not end, and some must not take effect late. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StatefulSets } from '../../runtime/kube/resources.ts';
import { FIVE, FOUR, Network, THREE } from '../cluster/network.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { READY_HINT } from '../cluster/stages.ts';
import { eventsIn, type JournalEntry, journalOf, untilWaiting } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const ENV = { PROGRESS_DEADLINE_SECONDS: '5' };
const TOKEN = 'stellar.org/peer-restart';

interface SetNow {
  readonly generation?: number | undefined;
  readonly observedGeneration?: number | undefined;
  readonly token?: string | undefined;
}

describe('a restart', () => {
  const scene = startedScene(() => sharedScene({ env: ENV }));
  const kubectl = (...args: string[]) => scene.cluster.kubectl(args);

  /** Three validators that know each other. The first becomes Ready only when the test says so, so not after a restart. */
  async function withOneThatFails(namespace: string): Promise<Network> {
    const network = new Network(scene, namespace);
    await scene.cluster.createNamespace(namespace);
    await network.add('validator-1', { annotations: { [READY_HINT]: 'never' } });
    await Promise.all(['validator-2', 'validator-3'].map((name) => network.add(name)));
    await scene.pods.until('the pod of validator-1 is there', ({ pods }) =>
      pods.has(network.podOf('validator-1')),
    );
    await network.setReadiness('validator-1', '0s');
    await network.untilTheyKnow(THREE);
    return network;
  }

  async function untilStalled(network: Network): Promise<void> {
    const { namespace } = network;
    await untilWaiting(scene, { namespace, names: THREE, reason: 'Stalled', env: ENV });
    await settled(scene, { underWay: 1 });
    network.assertRestarts(FOUR, [1, 0, 0, 0]);
  }

  const journalIn = (namespace: string): Promise<JournalEntry[]> =>
    journalOf(scene.cluster, ({ statefulSet }) => statefulSet.startsWith(`${namespace}/`));

  async function setNow(namespace: string, name: string): Promise<SetNow> {
    const found = await scene.cluster.admin.get({ resource: StatefulSets, namespace, name });
    const { template } = (found?.spec ?? {}) as {
      template?: { metadata?: { annotations?: Record<string, string> } };
    };
    const { observedGeneration } = (found?.status ?? {}) as { observedGeneration?: number };
    const token = template?.metadata?.annotations?.[TOKEN];
    return { generation: found?.metadata.generation, observedGeneration, token };
  }

  it('whose pod does not become Ready stops its group until the pod is Ready', async () => {
    const network = await withOneThatFails('stalls');
    await network.add('validator-4');
    await untilStalled(network);
    await network.setReadiness('validator-1', '0s');
    await network.untilFourth();
    const outcomes = (await journalIn('stalls')).map(({ statefulSet, outcome }) => [statefulSet, outcome]);
    assert.deepEqual(
      outcomes.slice(0, 2),
      ['stalls/validator-1', 'stalls/validator-2'].map((name) => [name, 'done']),
    );
  });

  it('whose StatefulSet a person replaces has ended, and its group continues', async () => {
    const network = await withOneThatFails('replaced');
    await network.add('validator-4');
    await untilStalled(network);
    await kubectl('-n', 'replaced', 'delete', 'statefulset', 'validator-1', '--wait=false');
    await scene.pods.until(
      'the pod of validator-1 is gone',
      ({ pods }) => !pods.has(network.podOf('validator-1')),
    );
    await kubectl('-n', 'replaced', 'annotate', 'stellarnode', 'validator-1', `${READY_HINT}-`);
    await network.untilTheyKnow(FOUR);
    network.assertRestarts(FOUR, [2, 1, 1, 0]);
    const [first] = await journalIn('replaced');
    assert.match(`${first?.statefulSet} ${first?.outcome}`, /^replaced\/validator-1 (gone|done)$/);
  });

  /** One more validator joins. Then the restart of validator-1 is taken back, because its pod becomes not Ready. */
  async function takeOneBack(network: Network, newcomer: string, names: readonly string[]): Promise<void> {
    const { namespace } = network;
    const template = async () => (await setNow(namespace, 'validator-1')).token;
    const before = await template();
    await kubectl('annotate', 'namespace', namespace, 'stellar.org/peer-rollout=paused');
    await network.add(newcomer);
    await untilWaiting(scene, { namespace, names, reason: 'Paused' });
    const restarts = network.restarts(FIVE);
    // While the controllers stand still, no controller acts on the template.
    scene.cluster.signal('kube-controller-manager', 'SIGSTOP');
    try {
      await kubectl('annotate', 'namespace', namespace, 'stellar.org/peer-rollout-');
      const begun = await until('a restart has begun', async () => {
        const open = (await journalIn(namespace)).find(({ outcome }) => outcome === undefined);
        return open && (await template()) === open.token ? open : undefined;
      });
      assert.equal(begun.statefulSet, `${namespace}/validator-1`);
      assert.notEqual(begun.token, before);
      await network.setReadiness('validator-1', 'lost');
      await until('the restart is taken back', async () => {
        const entry = (await journalIn(namespace)).find(({ token }) => token === begun.token);
        return entry?.outcome === 'defused';
      });
      assert.equal(await template(), before);
      await until('an Event says so', async () => {
        const events = await eventsIn(scene.cluster, namespace);
        return events.some(({ node, reason }) => node === 'validator-1' && reason === 'RestartTakenBack');
      });
      // Pause the group: otherwise it would continue by itself after a minute, which may be before the end of this test.
      await kubectl('annotate', 'namespace', namespace, 'stellar.org/peer-rollout=paused');
      await network.setReadiness('validator-1', undefined);
      await network.untilReady([...names, newcomer]);
    } finally {
      scene.cluster.signal('kube-controller-manager', 'SIGCONT');
    }
    await until('the controllers have seen the template', async () => {
      const { generation, observedGeneration } = await setNow(namespace, 'validator-1');
      return generation !== undefined && observedGeneration === generation;
    });
    await settled(scene);
    assert.deepEqual(network.restarts(FIVE), restarts, 'the same pods as before');
  }

  it('that has no effect when its pod becomes not Ready is taken back: the template is as before', async () => {
    const first = await new Network(scene, 'first').foundUpToDate();
    await takeOneBack(first, 'validator-4', THREE);
    const again = await new Network(scene, 'again').foundUpToDate();
    await again.add('validator-4');
    await again.untilTheyKnow(FOUR);
    assert.ok((await setNow('again', 'validator-1')).token, 'validator-1 was restarted before');
    await takeOneBack(again, 'validator-5', FOUR);
  });
});
