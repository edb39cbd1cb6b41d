/** What is done to machines in the life of a cluster: rolled, drained, restarted, and cut off. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { quorumSpec } from '../cluster/quorum-sets.ts';
import { until } from '../cluster/until.ts';
import { Load } from '../load/load.ts';
import { installManifests, shortenWaits, untilServed } from './product.ts';
import { ADDED, addValidators, assertCalm, atRest, containersOf, podsIn, untilLinked } from './validators.ts';
import { bootWorld, untilNodeReady, type World } from './world.ts';

const THREE = ['validator-1', 'validator-2', 'validator-3'];
/** Of three, two are needed. */
const spec = quorumSpec(3, 66);
const DRAIN = ['--ignore-daemonsets', '--delete-emptydir-data'];

let world: World;
before(async () => {
  world = await bootWorld();
  await installManifests(world);
  await shortenWaits(world);
  await world.createNamespace('stellar', { 'pod-security.kubernetes.io/enforce': 'restricted' });
  await addValidators(world, THREE, { spec });
  await untilLinked(world, THREE);
  await atRest(world);
});
after(() => world?.stop());

/** Container IDs of the validators, by pod and container. */
const containers = async (): Promise<Record<string, string | undefined>> =>
  Object.fromEntries(
    (await podsIn(world, 'stellar')).flatMap((pod) =>
      containersOf(pod).map(({ name, containerID }) => [`${pod.metadata.name}/${name}`, containerID]),
    ),
  );
const uids = async () => (await podsIn(world, 'stellar')).map(({ metadata }) => metadata.uid);
const nodeOf = async (name: string): Promise<string> => {
  const pod = (await podsIn(world, 'stellar')).find(({ metadata }) => metadata.name === name);
  return (pod?.spec as { nodeName?: string })?.nodeName ?? '';
};

describe('replicas that are replaced', () => {
  it('leave no pod uninjected while the Deployment is rolled and a machine is drained of one', async () => {
    const load = await Load.start(world, { namespace: 'stellar', name: 'validator-1' }, 50);
    await world.kubectl(['rollout', 'restart', '-n', 'stellar-peers', 'deployment/stellar-peers']);
    await untilServed(world);
    const ours = '--pod-selector=app.kubernetes.io/name=stellar-peers';
    await world.kubectl(['drain', 'node-1', ...DRAIN, ours, '--timeout=120s']);
    await untilServed(world);
    await world.kubectl(['uncordon', 'node-1']);
    const { injected, bare, refused } = await load.stop();
    assert.deepEqual({ bare, refused }, { bare: 0, refused: 0 }, JSON.stringify(load.misses.slice(0, 3)));
    assert.ok(injected > 500, `${injected}`);
  });
});

describe('a machine with a replica and validators', () => {
  it('goes on with the same containers while its kubelet and containerd are restarted', async () => {
    const beforehand = await containers();
    for (const machine of world.machines) {
      await machine.kill('kubelet');
      await machine.kill('containerd');
      await machine.startContainerd();
      machine.startKubelet();
      await untilNodeReady(world, machine.name);
    }
    await untilLinked(world, THREE);
    await atRest(world);
    await assertCalm(world, 'stellar');
    assert.deepEqual(await containers(), beforehand);
  });

  it('has its validators back, injected and not restarted by us, after all its processes were killed', async () => {
    const [pods, beforehand] = [await uids(), await containers()];
    const name = await nodeOf('validator-1-0');
    const machine = world.machines.find((each) => each.name === name);
    assert.ok(machine);
    await machine.killAll();
    await machine.startContainerd();
    machine.join();
    await untilNodeReady(world, name);
    const core = 'validator-1-0/stellar-node';
    await until('stellar-core runs anew', async () => (await containers())[core] !== beforehand[core], {
      deadlineMs: 120_000,
    });
    await untilLinked(world, THREE);
    await untilServed(world);
    await atRest(world);
    assert.deepEqual(await uids(), pods, world.pods.print());
    for (const { metadata } of await podsIn(world, 'stellar')) assert.ok(metadata.annotations?.[ADDED]);
  });

  it('is drained as soon as the budgets of its validators allow that, and they come back injected', async () => {
    const name = await nodeOf('validator-1-0');
    await assert.rejects(world.kubectl(['drain', name, ...DRAIN, '--timeout=15s']), /disruption budget/);
    const budget = JSON.stringify({ spec: { minAvailable: 0 } });
    for (const node of THREE)
      await world.kubectl(['patch', 'pdb', '-n', 'stellar', node, '--type=merge', '-p', budget]);
    await world.kubectl(['drain', name, ...DRAIN, '--timeout=180s']);
    await untilLinked(world, THREE);
    await untilServed(world);
    await atRest(world);
    const found = await Promise.all(THREE.map((node) => nodeOf(`${node}-0`)));
    assert.ok(!found.includes(name), found.join(' '));
    await assertCalm(world, 'stellar');
    await world.kubectl(['uncordon', name]);
  });
});
