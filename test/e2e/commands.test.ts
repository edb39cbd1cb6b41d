/** `stellar-peers rollout plan` and `stellar-peers adopt`, as a person runs them, and their effects. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { Namespaces, StellarNodes } from '../../runtime/kube/resources.ts';
import { ourRefusals } from '../cluster/audit.ts';
import { runCommand } from '../cluster/command.ts';
import { FOUR, Network, THREE } from '../cluster/network.ts';
import { createScene, type Scene, SHORT } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sceneOf } from '../cluster/shared-scene.ts';
import { isTold, untilWaiting } from '../cluster/told.ts';

const ADOPT = 'stellar.org/peer-adopt';
/** No validator is restarted for one more validator. */
const NARROW = { ROLL_BELOW: '2' };

/** These tests depend on each other and run in this order: networks that ran before us are adopted, then grow. */
describe('commands', () => {
  const scene = sceneOf(() => createScene({ env: NARROW }));
  const named = new Network(scene, 'named');
  const whole = new Network(scene, 'whole');

  const command = (...args: string[]) => runCommand(scene.cluster, args, { ...SHORT, ...NARROW });
  const plan = async (...set: string[]) => {
    const { code, stdout } = await command('rollout', 'plan', ...set.flatMap((text) => ['--set', text]));
    assert.equal(code, 0);
    return stdout;
  };
  /** The validators that the plan says are restarted, in its order. */
  const stepsIn = (text: string): string[] =>
    [...text.matchAll(/^\d+ +custom-\S+ +(\S+) +(\S+) +(\S+) /gm)].map(([, ...cells]) => cells.join(' '));
  const adoptionOf = async (ref: Parameters<Scene['cluster']['admin']['get']>[0]) =>
    (await scene.cluster.admin.get(ref))?.metadata.annotations?.[ADOPT];
  const nodeRef = (name: string) => ({ resource: StellarNodes, namespace: 'named', name });
  const orderOf = (network: Network, sinceMs: number): string[] =>
    scene.pods.timeline
      .filter(
        ({ atMs, pod, change }) =>
          atMs >= sinceMs && change === 'terminating' && pod.startsWith(network.namespace),
      )
      .map(({ pod }) => pod.replace(/-0$/, ''));

  before(async () => {
    for (const network of [named, whole]) await network.found(THREE);
    for (const network of [named, whole]) await network.untilReady(THREE);
    for (const network of [named, whole]) await network.untilOlder(THREE);
    await scene.start();
    for (const { namespace } of [named, whole])
      await untilWaiting(scene, { namespace, names: THREE, reason: 'AwaitingAdoption' });
  });

  it('plan shows that no validator is restarted, which validators wait, and what would help', async () => {
    const text = await plan();
    assert.match(text, /^No validator is to be restarted\.\n\nWaiting:\n/);
    for (const { namespace } of [named, whole])
      for (const name of THREE) assert.ok(isTold(text, `${namespace}/${name}`, 'AwaitingAdoption'), text);
    assert.match(text, /> stellar-peers adopt validator-1 validator-2 validator-3 -n named/);
  });

  it('adopt asks for confirmation, and names unknown validators; neither changes anything', async () => {
    const unasked = await command('adopt', 'validator-1', '-n', 'named');
    assert.equal(unasked.code, 2);
    assert.match(unasked.stderr, /there is no terminal to ask on: use --yes/);
    const unknown = await command('adopt', 'validator-1', 'absent', '-n', 'named', '--yes');
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /no such validator: named\/absent/);
    assert.equal(await adoptionOf(nodeRef('validator-1')), undefined);
  });

  it('adopt of one validator lets only this validator be restarted and injected', async () => {
    const { code, stdout, stderr } = await command('adopt', 'validator-1', '-n', 'named', '--yes');
    assert.equal(code, 0);
    assert.equal(stdout, 'StellarNode validator-1 adopted\n');
    assert.match(
      stderr,
      /To be restarted, one at a time and under all the usual conditions: named\/validator-1\./,
    );
    await named.untilKnown(['validator-1'], THREE);
    await settled(scene);
    for (const network of [named, whole]) {
      const counts = Object.values(network.restarts(THREE));
      assert.deepEqual(counts, network === named ? [1, 0, 0] : [0, 0, 0]);
    }
    assert.equal(await adoptionOf(nodeRef('validator-2')), undefined);
    assert.equal(named.stamp('validator-2'), undefined);
  });

  it('adopt of a namespace lets all of it be restarted, one at a time', async () => {
    const sinceMs = Date.now();
    const { code, stdout } = await command('adopt', '--all', '-n', 'whole', '--yes');
    assert.deepEqual([code, stdout], [0, 'Namespace whole adopted\n']);
    assert.equal(await adoptionOf({ resource: Namespaces, name: 'whole' }), 'now');
    await whole.untilTheyKnow(THREE);
    await settled(scene);
    assert.deepEqual(Object.values(whole.restarts(THREE)), [1, 1, 1]);
    assert.equal(whole.mostDown(sinceMs), 1);
    assert.deepEqual(Object.values(named.restarts(THREE)), [1, 0, 0]);
  });

  it('plan with another setting shows restarts that then happen in the same order', async () => {
    await whole.add('validator-4');
    await whole.untilReady(FOUR);
    await settled(scene);
    assert.match(await plan(), /^No validator is to be restarted\./);
    const wide = await plan('ROLL_BELOW=all');
    const steps = THREE.map((name) => `whole/${name} bump short`);
    assert.deepEqual(stepsIn(wide), steps);
    assert.match(wide, /^3 restarts, the last of them over in about \d+ min if all goes well\.$/m);
    const slow = await plan('ROLL_BELOW=all', 'MIN_READY_SECONDS=3600');
    assert.match(slow, /^3 +custom-\S+ +whole\/validator-3 +bump +short +[2-3] h /m);
    const held = await plan('ROLL_BELOW=all', 'MAX_UNAVAILABLE=0');
    assert.match(held, /^No validator is to be restarted\./);
    for (const name of THREE) assert.ok(isTold(held, `whole/${name}`, 'WaitingForUnavailable'), held);
    assert.deepEqual(Object.values(whole.restarts(FOUR)), [1, 1, 1, 0], 'planning restarts no validator');
    await scene.replicas?.stop();
    const sinceMs = Date.now();
    await scene.start(2, { ROLL_BELOW: 'all' });
    await whole.untilTheyKnow(FOUR);
    assert.deepEqual(
      orderOf(whole, sinceMs).map((node) => `${node} bump short`),
      steps,
    );
  });

  it('plan refuses an unknown setting', async () => {
    const { code, stderr } = await command('rollout', 'plan', '--set', 'ROLL_BELLOW=all');
    assert.equal(code, 2);
    assert.match(stderr, /no setting is called ROLL_BELLOW; did you mean ROLL_BELOW\?/);
  });

  it('cause no request of the leader that RBAC refuses', async () => {
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});
