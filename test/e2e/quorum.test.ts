/** How many validators may be down, by quorum sets, by MAX_UNAVAILABLE, and beside validators that are away. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FIVE, FOUR, Network } from '../cluster/network.ts';
import { quorumSpec } from '../cluster/quorum-sets.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { untilWaiting } from '../cluster/told.ts';

const TWO = ['validator-1', 'validator-2'];
const THREE = [...TWO, 'validator-3'];
const SIX = [...FIVE, 'validator-6'];
/** The six validators without the fourth. */
const RUNNING = SIX.filter((name) => name !== 'validator-4');

describe('how many may be down', () => {
  const scene = startedScene(() => sharedScene());

  async function restarted(env: Readonly<Record<string, string>>): Promise<void> {
    await scene.replicas?.stop();
    await scene.start(2, env);
  }

  /** A network of validators that know each other, and one more that has joined and that they do not know. */
  async function joined(network: Network, names: readonly string[]): Promise<void> {
    await network.found(names.slice(0, -1));
    await network.untilTheyKnow(names.slice(0, -1));
    await network.add(names.at(-1) ?? '');
    await network.untilReady(names);
  }

  /** Afterwards three validators know three members, one of them suspended, and could know four running ones. */
  async function suspendOneAndAddTwo(network: Network): Promise<void> {
    await network.foundUpToDate(FOUR);
    await network.change('validator-4', { suspended: true });
    await scene.pods.until(
      'the pod of validator-4 is gone',
      ({ pods }) => !pods.has(network.podOf('validator-4')),
    );
    await Promise.all(['validator-5', 'validator-6'].map((name) => network.add(name)));
    await network.untilReady(RUNNING);
  }

  it('none of three validators at 67 percent, because all are needed; one of three at 66 percent', async () => {
    const network = new Network(scene, 'three', { spec: quorumSpec(3, 67) });
    await joined(network, THREE);
    const sinceMs = Date.now();
    const status = await untilWaiting(scene, { namespace: 'three', names: TWO, reason: 'QuorumMargin' });
    assert.match(status, /its quorum sets can spare 0\b/);
    await network.settledAsTheyWere(THREE);
    for (const name of TWO) await network.change(name, quorumSpec(3, 66));
    await network.settledAsTheyWere(THREE);
    network.assertRestarts(
      THREE,
      [0, 0, 0],
      'one quorum set that needs all three is enough to hold restarts',
    );
    await network.change('validator-3', quorumSpec(3, 66));
    await network.untilTheyKnow(THREE);
    network.assertRestarts(THREE, [1, 1, 0]);
    assert.equal(network.mostDown(sinceMs), 1);
  });

  it('one beside a suspended validator, if all quorum sets can be read and allow it', async () => {
    const network = new Network(scene, 'bears', { spec: quorumSpec(6, 51) });
    await suspendOneAndAddTwo(network);
    await network.untilKnown(THREE, RUNNING);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
  });

  it('one beside a suspended validator even if a quorum set cannot be read, because the budget does not count the suspended', async () => {
    const network = new Network(scene, 'unread');
    await suspendOneAndAddTwo(network);
    await network.untilKnown(THREE, RUNNING);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
  });

  it('none beside a validator that is scaled to 0; the others are restarted when it is back', async () => {
    const network = new Network(scene, 'scaled', { spec: quorumSpec(3, 66) });
    await joined(network, THREE);
    await network.untilTheyKnow(THREE);
    // Of four validators at 67 percent, one may be down.
    for (const name of THREE) await network.change(name, quorumSpec(4, 67));
    const scale = (replicas: number) =>
      scene.cluster.kubectl([
        '-n',
        'scaled',
        'scale',
        'statefulset',
        'validator-3',
        `--replicas=${replicas}`,
      ]);
    await scale(0);
    await scene.pods.until(
      'the pod of validator-3 is gone',
      ({ pods }) => !pods.has(network.podOf('validator-3')),
    );
    const before = network.restarts(THREE);
    await network.add('validator-4', { spec: quorumSpec(4, 67) });
    await untilWaiting(scene, { namespace: 'scaled', names: TWO, reason: 'QuorumMargin' });
    await network.settledAsTheyWere(FOUR);
    await scale(1);
    await network.untilTheyKnow(FOUR);
    const more = Object.entries(network.restarts(FOUR)).map(([name, count]) => count - (before[name] ?? 0));
    // The third was replaced by the scaling. The fourth joined while the third had no pod, so it did not know the third.
    assert.deepEqual(more, [1, 1, 1, 1]);
  });

  it('a percentage, rounded down, less the validators that are down already', async () => {
    await restarted({ MAX_UNAVAILABLE: '39%' });
    const network = await new Network(scene, 'percent').foundUpToDate(FOUR);
    await network.setReadiness('validator-4', 'lost');
    await network.add('validator-5');
    const waiting = { namespace: 'percent', names: THREE, reason: 'WaitingForUnavailable' };
    await untilWaiting(scene, { ...waiting, env: { MAX_UNAVAILABLE: '39%' } });
    await network.settledAsTheyWere(FIVE);
    const sinceMs = Date.now();
    await restarted({ MAX_UNAVAILABLE: '40%' });
    await network.untilKnown(THREE, FIVE);
    assert.deepEqual(
      Object.values(network.restarts(FIVE)),
      [1, 1, 1, 0, 0],
      'the validator that is down is not restarted',
    );
    assert.equal(network.mostDown(sinceMs), 2);
    await network.setReadiness('validator-4', undefined);
    await network.untilTheyKnow(FIVE);
    network.assertRestarts(FIVE, [1, 1, 1, 1, 0]);
  });

  it('one validator with QUORUM_CHECK=warn, although all are needed', async () => {
    const network = new Network(scene, 'warned', { spec: quorumSpec(3, 67) });
    await joined(network, THREE);
    await untilWaiting(scene, { namespace: 'warned', names: TWO, reason: 'QuorumMargin' });
    await restarted({ QUORUM_CHECK: 'warn' });
    await network.untilTheyKnow(THREE);
    network.assertRestarts(THREE, [1, 1, 0]);
  });
});
