/** The chart, and the maintenance of machines in a cluster: rollouts, drains, restarts and losses. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { quorumSpec } from '../cluster/quorum-sets.ts';
import { until } from '../cluster/until.ts';
import { Load } from '../load/load.ts';
import { assertSpread, installChart, RESTRICTED, testChart, untilServed } from './product.ts';
import {
  ADDED,
  addValidators,
  assertCalm,
  atRest,
  containersOf,
  OWN,
  podsIn,
  untilLinked,
} from './validators.ts';
import { bootWorld, isNodeReady, untilNodeReady, type World } from './world.ts';

const THREE = ['validator-1', 'validator-2', 'validator-3'];
/** Of three, two are needed. */
const spec = quorumSpec(3, 66);
/** The replica answers for DRAIN_SECONDS, which are five. */
const LATE_MS = 2_500;
const DRAIN = ['--ignore-daemonsets', '--delete-emptydir-data'];

let world: World;
before(async () => {
  world = await bootWorld();
  await installChart(world);
  await world.createNamespace('stellar', RESTRICTED);
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

describe('the chart as it is shipped', () => {
  it('passes its own test, and links three validators without a restart', async () => {
    await testChart(world);
    await assertSpread(world);
    await assertCalm(world, 'stellar');
    const restarted = (await podsIn(world, OWN))
      .flatMap(containersOf)
      .filter((each) => each.restartCount > 0);
    assert.deepEqual([restarted, world.pods.restarts()], [[], {}]);
  });
});

describe('replicas that are replaced', () => {
  it('leave no pod uninjected if the API server learns seconds late that a replica stops', async (t) => {
    const load = await Load.start(world, { namespace: 'stellar', name: 'validator-1' }, 50);
    t.after(() => load.stop());
    await load.untilAnswered(50);
    const [one] = await podsIn(world, OWN);
    world.proxy.kill('SIGSTOP');
    await world.kubectl(['delete', 'pod', '-n', OWN, one?.metadata.name ?? '', '--wait=false']);
    await delay(LATE_MS);
    world.proxy.kill('SIGCONT');
    await untilServed(world);
    const { injected, bare, refused } = await load.stop();
    assert.deepEqual({ bare, refused }, { bare: 0, refused: 0 }, JSON.stringify(load.misses.slice(0, 3)));
    assert.ok(injected >= 100, `${injected}`);
  });

  it('leave no pod uninjected during a rollout of the Deployment and a drain of a machine', async (t) => {
    const load = await Load.start(world, { namespace: 'stellar', name: 'validator-1' }, 50);
    t.after(() => load.stop());
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
  it('keeps its containers while its kubelet and containerd are restarted', async () => {
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

describe('a machine that goes away for good', () => {
  it('affects no pod of other validators, and its own pods come back injected on the other machine', async () => {
    // The drain has left them all on one machine: a validator and a replica move to the other.
    await world.kubectl(['delete', 'pod', '-n', 'stellar', 'validator-1-0']);
    await world.kubectl(['delete', 'pod', '-n', OWN, (await podsIn(world, OWN))[0]?.metadata.name ?? '']);
    await untilServed(world);
    await assertSpread(world);
    await untilLinked(world, THREE);
    await atRest(world);
    const [name, beforehand] = [await nodeOf('validator-1-0'), await containers()];
    const places = await Promise.all(THREE.map(async (node) => [node, await nodeOf(`${node}-0`)] as const));
    const others = places.filter(([, place]) => place !== name).map(([node]) => node);
    assert.ok(others.length > 0, JSON.stringify(places));
    await world.machines.find((each) => each.name === name)?.killAll();
    await until(`${name} is not Ready`, async () => !(await isNodeReady(world, name)), {
      deadlineMs: 120_000,
    });
    await world.kubectl(['delete', 'node', name]);
    const cameBack = () => nodeOf('validator-1-0').then((place) => place !== '' && place !== name);
    await until('validator-1 has another machine', cameBack, { deadlineMs: 240_000, everyMs: 500 });
    await untilServed(world);
    await untilLinked(world, THREE);
    await atRest(world);
    await assertCalm(world, 'stellar');
    const now = await containers();
    for (const [container, id] of Object.entries(beforehand))
      if (others.some((node) => container.startsWith(`${node}-0/`)))
        assert.equal(now[container], id, container);
  });
});
