/** Limits of the rate of restarts: time windows, restarts within an hour, and the age of pods. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FOUR, Network, THREE } from '../cluster/network.ts';
import { sceneOf, sharedScene } from '../cluster/shared-scene.ts';
import { untilWaiting } from '../cluster/told.ts';

const MINUTE_MS = 60_000;
const AGE_SECONDS = 12;

type Env = Readonly<Record<string, string>>;

/** A daily window in UTC, from and to so many minutes from now. */
function windowAround(fromMinutes: number, toMinutes: number): string {
  const at = (minutes: number) => new Date(Date.now() + minutes * MINUTE_MS).toISOString().slice(11, 16);
  return `daily ${at(fromMinutes)}-${at(toMinutes)} UTC`;
}

describe('the rate limit of restarts', () => {
  const scene = sceneOf(() => sharedScene());

  async function startedWith(env: Env): Promise<void> {
    await scene.replicas?.stop();
    await scene.start(2, env);
  }

  /** Three validators that know each other, and a fourth that has just joined. */
  async function joined(namespace: string): Promise<Network> {
    const network = await new Network(scene, namespace).foundUpToDate();
    await network.add('validator-4');
    await network.untilReady(FOUR);
    return network;
  }

  async function untilHeld(network: Network, reason: string, env: Env, names = THREE): Promise<string> {
    const { namespace } = network;
    const status = await untilWaiting(scene, { namespace, names, reason, env });
    await network.settledAsTheyWere();
    return status;
  }

  it('holds restarts while no window is open for long enough, and restarts validators in an open window', async () => {
    const closed = { ROLLOUT_WINDOWS: windowAround(6 * 60, 7 * 60) };
    await startedWith(closed);
    const network = await joined('windows');
    const opens = closed.ROLLOUT_WINDOWS.slice('daily '.length, 'daily HH:MM'.length);
    const status = await untilHeld(network, 'OutsideWindow', closed);
    assert.match(status, new RegExp(`the next opens at \\S+T${opens}:00.000Z`));
    const tooShort = { ROLLOUT_WINDOWS: windowAround(-60, 8), EXPECTED_RESTART_SECONDS: '600' };
    await startedWith(tooShort);
    await untilHeld(network, 'OutsideWindow', tooShort);
    await startedWith({ ...tooShort, EXPECTED_RESTART_SECONDS: '60' });
    await network.untilFourth();
  });

  it('allows a group MAX_RESTARTS_PER_HOUR restarts within an hour, also after a change of leader', async () => {
    const two = { MAX_RESTARTS_PER_HOUR: '2' };
    await startedWith(two);
    const network = await joined('hourly');
    await network.untilKnown(['validator-1', 'validator-2'], FOUR);
    const status = await untilHeld(network, 'HourlyLimit', two, ['validator-3']);
    assert.match(status, /2 in the last hour/);
    await startedWith(two);
    await untilHeld(network, 'HourlyLimit', two, ['validator-3']);
    network.assertRestarts(FOUR, [1, 1, 0, 0]);
    const other = await joined('another');
    await other.untilKnown(['validator-1', 'validator-2'], FOUR);
    await startedWith({ MAX_RESTARTS_PER_HOUR: '3' });
    await network.untilFourth();
    await other.untilFourth();
  });

  it('does not restart a validator until it has been up for MIN_RESTART_INTERVAL_SECONDS', async () => {
    const env = { MIN_RESTART_INTERVAL_SECONDS: String(AGE_SECONDS) };
    await startedWith(env);
    const network = await joined('young');
    await untilWaiting(scene, {
      namespace: 'young',
      names: ['validator-1'],
      reason: 'RestartedRecently',
      env,
    });
    await network.untilFourth();
    for (const name of THREE) {
      const [first] = scene.pods.lives(network.podOf(name));
      const livedMs = (first?.terminatingAtMs ?? 0) - (first?.createdAtMs ?? 0);
      // Kubernetes writes whole seconds, so a second may be missing.
      assert.ok(livedMs > (AGE_SECONDS - 1) * 1000, `${name} was up for ${livedMs} ms`);
    }
  });
});
