/** The Events of a StellarNode, as `kubectl describe` shows them. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { FOUR, leaderOf, Network } from '../cluster/network.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { eventsIn, metricOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const PAUSED = 'stellar_peers_waiting{reason="Paused"}';

describe('the Events of a StellarNode', () => {
  const scene = startedScene(() => sharedScene());
  const network = new Network(scene, 'told');
  const annotate = (annotation: string) =>
    scene.cluster.kubectl(['annotate', 'namespace', 'told', annotation, '--overwrite']);
  /** How often each validator has an Event with this code, 0 included. */
  async function told(code: string): Promise<Record<string, number>> {
    const events = await eventsIn(scene.cluster, 'told');
    const count = (name: string) =>
      events.filter(({ node, reason }) => node === name && reason === code).length;
    return Object.fromEntries(FOUR.map((name) => [name, count(name)]));
  }

  before(() => network.foundUpToDate());

  it('say only once that its list is published and why its restart is held, even if the leader changes', async () => {
    await annotate('stellar.org/peer-rollout=paused');
    await network.add('validator-4');
    await network.untilReady(FOUR);
    const lacking = { 'validator-1': 1, 'validator-2': 1, 'validator-3': 1, 'validator-4': 0 };
    await until('three validators have an Event that they are paused', async () => {
      assert.deepEqual(await told('Paused'), lacking);
      return true;
    });
    const replicas = scene.replicas?.replicas ?? [];
    const leader = await leaderOf({ replicas });
    leader.kill('SIGKILL');
    await leader.exited;
    const others = replicas.filter((replica) => replica !== leader);
    await leaderOf({ replicas: others });
    await until('the new leader holds them too', async () => (await metricOf(others, PAUSED)) === 3);
    scene.replicas?.use(others);
    // Events come in order: when the next code is there, all Events about the former are there too.
    await annotate('stellar.org/peer-rollout=unheard-of');
    await until(
      'the new leader reports the new code',
      async () => (await told('UnknownStrategy'))['validator-3'] === 1,
    );
    assert.deepEqual(await told('Paused'), lacking);
    assert.deepEqual(await told('PeersPublished'), Object.fromEntries(FOUR.map((name) => [name, 1])));
  });

  it('report the start and the end of a restart, in the form that kubectl describe shows', async () => {
    await annotate('stellar.org/peer-rollout-');
    await network.untilTheyKnow(FOUR);
    const once = { 'validator-1': 1, 'validator-2': 1, 'validator-3': 1, 'validator-4': 0 };
    await until('all have ended', async () => {
      assert.deepEqual(await told('RestartEnded'), once);
      return true;
    });
    assert.deepEqual(await told('Restarting'), once);
    const shown = await scene.cluster.kubectl(['describe', 'stellarnode', '-n', 'told', 'validator-1']);
    for (const line of [
      /Normal +PeersPublished .* Published \d+ peers for this validator/,
      /Warning +Paused .* /,
      /Normal +Restarting .* Rolling restart of validator-1-0: it knows too few of its peers/,
      /Normal +RestartEnded .* Restart finished\./,
    ])
      assert.match(shown, line);
  });
});
