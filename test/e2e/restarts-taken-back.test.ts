/** Restarts without effect because the StatefulSet controller is away: they must not take effect later. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StatefulSets } from '../../runtime/kube/resources.ts';
import { FOUR, Network, THREE } from '../cluster/network.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { eventsIn, type JournalEntry, untilWaiting } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const TOKEN = 'stellar.org/peer-restart';
const SWITCH = 'stellar.org/peer-rollout';
/** A controller that does not react for 30 s counts as away. The next restart is tried a minute later. */
const NOTICED_MS = 30_000;
const AGAIN_MS = 60_000;

describe('a restart to which the StatefulSet controller does not react', () => {
  const scene = startedScene(() => sharedScene());

  const kubectl = (...args: string[]) => scene.cluster.kubectl(args);
  const pause = ({ namespace }: Network) =>
    kubectl('annotate', 'namespace', namespace, `${SWITCH}=paused`, '--overwrite');
  const release = ({ namespace }: Network) => kubectl('annotate', 'namespace', namespace, `${SWITCH}-`);

  /** The StatefulSet of validator-1: the annotation of its template, and whether its controller has seen the last change. */
  async function firstOf({ namespace }: Network) {
    const found = await scene.cluster.admin.get({ resource: StatefulSets, namespace, name: 'validator-1' });
    assert.ok(found);
    const { template } = found.spec as { template: { metadata: { annotations?: Record<string, string> } } };
    const { observedGeneration } = found.status as { observedGeneration?: number };
    const token = template.metadata.annotations?.[TOKEN];
    return { token, isSeen: observedGeneration === found.metadata.generation };
  }

  /** Three validators that know each other and a fourth that they lack, all Ready, and paused. */
  async function paused(namespace: string): Promise<Network> {
    const network = await new Network(scene, namespace).foundUpToDate();
    await pause(network);
    await network.add('validator-4');
    await network.untilReady(FOUR);
    await untilWaiting(scene, { namespace, names: THREE, reason: 'Paused' });
    return network;
  }

  /** Waits until validator-1 is bumped. That has no effect while the controller is away. */
  async function bumped(network: Network): Promise<void> {
    await release(network);
    await until('a restart has begun', async () => {
      const [open] = await network.journal();
      return open && (await firstOf(network)).token === open.token;
    });
  }

  /** Waits until validator-1 is bumped, and calls `change`. Once the bump is taken back, the controller comes back. */
  async function takenBack(network: Network, change: () => Promise<unknown>): Promise<JournalEntry> {
    const entry = await scene.cluster.restartControllerManager(async () => {
      await bumped(network);
      await change();
      const ended = await until(
        'the bump is taken back',
        async () => (await network.journal()).find(({ outcome }) => outcome !== undefined),
        { deadlineMs: 60_000 },
      );
      assert.equal((await firstOf(network)).token, undefined, 'the template is as before');
      return ended;
    });
    assert.equal(`${entry.statefulSet} ${entry.outcome}`, `${network.namespace}/validator-1 defused`);
    await until('an Event says so', async () => {
      const events = await eventsIn(scene.cluster, network.namespace);
      return events.some(({ node, reason }) => node === 'validator-1' && reason === 'RestartTakenBack');
    });
    await until('the controller is back', async () => (await firstOf(network)).isSeen);
    return entry;
  }

  async function assertUntouched(network: Network): Promise<void> {
    await settled(scene);
    network.assertRestarts(FOUR, [0, 0, 0, 0], 'the same pods as before');
  }

  /** Starts new replicas, because a new leader does not wait a minute before it continues, and waits for the restarts. */
  async function untilRolledByTheNext(network: Network): Promise<void> {
    await scene.replicas?.stop();
    await scene.start();
    await network.untilTheyKnow(FOUR);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
  }

  it('is taken back by a pause, and replaces no pod when the controller is back', async () => {
    const network = await paused('paused-late');
    const { why } = await takenBack(network, () => pause(network));
    assert.equal(why, 'Paused');
    await assertUntouched(network);
    await release(network);
    await untilRolledByTheNext(network);
    assert.equal(network.mostDown(0), 1);
  });

  it('is taken back when another validator goes down, and replaces no pod when the controller is back', async () => {
    const network = await paused('another-down');
    const { why } = await takenBack(network, () => network.setReadiness('validator-3', 'lost'));
    assert.equal(why, 'WaitingForUnavailable');
    await assertUntouched(network);
    assert.equal(network.mostDown(0), 1, 'only validator-3 was down');
    await network.setReadiness('validator-3', undefined);
    await untilRolledByTheNext(network);
  });

  it('is taken back after 30 s, reported as ControllerAway, and its group continues a minute later', async () => {
    const network = await paused('away');
    const { namespace } = network;
    const told = () => untilWaiting(scene, { namespace, names: THREE, reason: 'ControllerAway' });
    const first = await takenBack(network, async () => {
      await until(
        'the restart is given up',
        async () => (await network.journal())[0]?.outcome !== undefined,
        {
          deadlineMs: 60_000,
        },
      );
      await told();
    });
    assert.equal(first.why, 'ControllerAway');
    const lastedMs = Date.parse(first.endedAt ?? '') - Date.parse(first.at);
    assert.ok(lastedMs >= NOTICED_MS - 1_000, `given up after ${lastedMs} ms`);
    await network.untilTheyKnow(FOUR, 2 * AGAIN_MS);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
    assert.equal(network.mostDown(0), 1);
    await settled(scene);
    const entries = await network.journal();
    assert.deepEqual(
      entries.map(({ statefulSet, outcome }) => `${statefulSet} ${outcome}`),
      ['1 defused', '2 done', '3 done', '1 done'].map((end) => `away/validator-${end}`),
      'the validator whose restart was taken back is tried last',
    );
    const [, second, , last] = entries;
    const restedMs = Date.parse(second?.at ?? '') - Date.parse(first.endedAt ?? '');
    assert.ok(restedMs >= AGAIN_MS - 1_000, `tried again after ${restedMs} ms`);
    const [life] = scene.pods.lives(network.podOf('validator-1'));
    assert.ok(
      (life?.terminatingAtMs ?? 0) >= Date.parse(last?.at ?? '') - 1_000,
      'its pod was replaced by the last restart',
    );
  });

  it('counts as reverted if another controller removes its annotation, and the other validators are restarted at once', async () => {
    const network = await paused('reverted');
    const { namespace } = network;
    await scene.cluster.restartControllerManager(async () => {
      await bumped(network);
      const path = `/spec/template/metadata/annotations/${TOKEN.replace('/', '~1')}`;
      const patch = JSON.stringify([{ op: 'remove', path }]);
      await kubectl('patch', 'statefulset', 'validator-1', '-n', namespace, '--type=json', '-p', patch);
      await until(
        'the restart counts as reverted',
        async () => (await network.journal())[0]?.outcome === 'void',
      );
    });
    await network.untilKnown(['validator-2', 'validator-3'], FOUR);
    network.assertRestarts(FOUR, [0, 1, 1, 0]);
    await untilWaiting(scene, { namespace, names: ['validator-1'], reason: 'RestartReverted' });
    assert.equal(network.mostDown(0), 1);
  });
});
