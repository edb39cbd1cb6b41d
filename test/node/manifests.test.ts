/** The product as it is shipped, in a cluster of real kubelets with real containers. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { quorumSpec } from '../cluster/quorum-sets.ts';
import { until } from '../cluster/until.ts';
import { Load } from '../load/load.ts';
import { confinementsOf, memoryOf, runningIn } from './confinement.ts';
import { assertSpread, installManifests, RESTRICTED, shortenWaits } from './product.ts';
import {
  addValidators,
  assertCalm,
  atRest,
  configurationOf,
  containersOf,
  OWN,
  podsIn,
  untilLinked,
} from './validators.ts';
import { bootWorld, type World } from './world.ts';

const THREE = ['validator-1', 'validator-2', 'validator-3'];
const FOUR = [...THREE, 'validator-4'];
/** A quorum of four validators needs three. */
const spec = quorumSpec(4, 66);

let world: World;
before(async () => {
  world = await bootWorld();
  await installManifests(world);
  for (const namespace of ['stellar', 'public']) await world.createNamespace(namespace, RESTRICTED);
});
after(() => world?.stop());

/** How often each pod of a namespace was replaced. */
const restartsIn = (namespace: string): Record<string, number> =>
  Object.fromEntries(
    Object.entries(world.pods.restarts()).filter(([pod]) => pod.startsWith(`${namespace}/`)),
  );

describe('three validators of a new network, in containers', () => {
  it('are linked to each other by names in their merged configurations, without a restart', async () => {
    await addValidators(world, THREE, { spec });
    await untilLinked(world, THREE);
    const text = await configurationOf(world, 'validator-1');
    for (const peer of ['validator-2', 'validator-3'])
      assert.match(
        text,
        new RegExp(`"${peer}-0\\.${peer}-headless\\.stellar\\.svc\\.cluster\\.local:11625"`),
      );
    assert.match(text, /CATCHUP_RECENT=60480/);
    await atRest(world);
    await assertCalm(world, 'stellar');
    assert.deepEqual(world.pods.restarts(), {});
  });

  it('are served by two replicas on two machines, and no replica was restarted', async () => {
    await assertSpread(world);
    const restarted = (await podsIn(world, OWN))
      .flatMap(containersOf)
      .filter((each) => each.restartCount > 0);
    assert.deepEqual(restarted, []);
  });
});

describe('a validator that joins', () => {
  before(() => shortenWaits(world));

  it('is linked on a public network, without a restart', async () => {
    const options = { namespace: 'public', spec: { network: 'testnet' } };
    await addValidators(world, THREE, options);
    await untilLinked(world, THREE, { namespace: 'public' });
    await addValidators(world, ['validator-4'], options);
    await untilLinked(world, FOUR, { namespace: 'public' });
    await atRest(world);
    await assertCalm(world, 'public');
    assert.deepEqual(restartsIn('public'), {});
  });

  it('becomes known to the others of a private network through their sidecars, without a restart', async () => {
    await addValidators(world, ['validator-4'], { spec });
    const events = ['get', 'events', '-n', 'stellar', '--field-selector=reason=Told'];
    await until(
      'each of the three has the Event Told',
      async () => {
        const told = await world.kubectl([...events, '-o', 'jsonpath={.items[*].involvedObject.name}']);
        return THREE.every((node) => told.split(' ').includes(node));
      },
      { deadlineMs: 120_000, everyMs: 500 },
    );
    await untilLinked(world, FOUR);
    await atRest(world);
    await assertCalm(world, 'stellar');
    assert.deepEqual(restartsIn('stellar'), {});
  });

  it('is added to the configurations of the others by restarts, one at a time, if an annotation asks for it', async () => {
    await world.kubectl(['annotate', 'namespace', 'stellar', 'stellar.org/peer-roll-for=all']);
    const names = FOUR.map((name) => `${name}-0.${name}-headless`);
    await world.pods.until(
      'each of the three is restarted once',
      (pods) => THREE.every((name) => pods.restarts()[`stellar/${name}-0`] === 1),
      300_000,
    );
    await untilLinked(world, FOUR);
    await atRest(world);
    await assertCalm(world, 'stellar');
    assert.deepEqual(
      restartsIn('stellar'),
      Object.fromEntries(THREE.map((node) => [`stellar/${node}-0`, 1])),
    );
    const down = world.pods.maxDown((pod) => (pod.startsWith('stellar/') ? 'stellar' : undefined));
    assert.ok((down.stellar ?? 0) <= 1, world.pods.print());
    for (const node of THREE) {
      const text = await configurationOf(world, node);
      for (const name of names)
        if (!name.startsWith(node)) assert.ok(text.includes(name), `${node}: ${name}`);
    }
  });
});

describe('the containers', () => {
  const NAMESPACES = [OWN, 'stellar'];

  it('are in namespaces that refuse a privileged pod', async () => {
    for (const namespace of NAMESPACES) {
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'privileged', namespace },
        spec: { containers: [{ name: 'x', image: 'x', securityContext: { privileged: true } }] },
      };
      const asked = world.kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(pod));
      await assert.rejects(asked, /violates PodSecurity "restricted:latest"/, namespace);
    }
  });

  it('run without root, without a capability, and on a read-only root file system', async () => {
    const pods = (await Promise.all(NAMESPACES.map((namespace) => podsIn(world, namespace)))).flat();
    const running = runningIn(pods);
    // Each validator has stellar-core, the operator's sidecar and ours.
    assert.equal(running.length, 2 + 3 * FOUR.length);
    for (const container of running) {
      const found = confinementsOf(container);
      assert.ok(found.length > 0, container.name);
      const isOurs = container.name.endsWith('/stellar-peers');
      for (const each of found) {
        const wanted = {
          capabilities: '0000000000000000',
          mayGain: false,
          seccomp: true,
          rootIsReadOnly: true,
        };
        assert.deepEqual(each, { user: isOurs ? 65_532 : 10_000, ...wanted }, container.name);
      }
    }
  });

  it('of the replicas never reach their memory limit under 200 reviews a second', async (t) => {
    const load = await Load.start(world, { namespace: 'stellar', name: 'validator-1' }, 200);
    t.after(() => load.stop());
    for (let round = 0; round < 3; round += 1) await load.untilAnswered(2_000);
    const { injected, bare, refused } = await load.stop();
    assert.deepEqual({ bare, refused }, { bare: 0, refused: 0 }, JSON.stringify(load.misses.slice(0, 3)));
    assert.ok(injected >= 6_000);
    for (const replica of runningIn(await podsIn(world, OWN))) {
      const { reached, peakMib, limitMib } = memoryOf(replica);
      t.diagnostic(`${replica.name}: at most ${peakMib} of ${limitMib} MiB`);
      assert.deepEqual([reached, limitMib], [0, 256], `${replica.name}: ${peakMib} MiB`);
    }
  });
});
