/** All tenants share the leader's calls, turns and passes. No tenant can use so many that other tenants wait for long. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NamespaceFacts } from '../../../peers/world.ts';
import { RestartQueue } from '../../../reconciler/apply/restart-queue.ts';
import type { GroupPlan, Restart } from '../../../reconciler/plan/restarts/rollout.ts';
import { Setbacks } from '../../../reconciler/plan/restarts/setbacks.ts';
import { Services } from '../../../runtime/kube/resources.ts';
import { Publishing } from '../reconciler/publishing.ts';
import { Restarting } from '../reconciler/restarting.ts';
import { ipOf, Signalling, worldOf } from '../reconciler/signalling.ts';
import { node, type Parts, statefulSet } from '../world.ts';
import { MALLORY } from './stage.ts';

const many = <T>(count: number, of: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => of(index));

describe('eight ports that answer each call late, but in time', () => {
  it('delay the port of another tenant by one visit of a few seconds, and are told of all their peers in the end', async () => {
    const stage = new Signalling();
    const slow = [...'abcdefgh'];
    const of = (namespace: string) => ({
      node: { namespace },
      statefulSet: { namespace },
      pod: { namespace },
    });
    const world = worldOf({
      ...Object.fromEntries(slow.map((name) => [name, of(`${MALLORY}-${name}`)])),
      z: {},
    });
    stage.cores.answer = (call) => {
      if (!call.startsWith(`${ipOf('z')} `)) stage.clock.advance(2_900 / slow.length);
    };
    await stage.offer(world);
    const first = stage.cores.calls.indexOf(`${ipOf('z')} peers`);
    const before = stage.cores.calls.slice(0, first).filter((call) => call.includes('connect'));
    assert.ok(before.length <= slow.length, `${before.length} peers were told before`);
    assert.equal(new Set(stage.cores.told()).size, (9 * 8) / 2);
    await stage.signaller.stop();
  });
});

describe('a tenant with many networks whose restarts are never carried out', () => {
  it('gets every second turn, so another tenant with one network gets the other turns', async () => {
    const stage = new Restarting();
    const tried: string[] = [];
    const restartOf = (namespace: string, group: string) =>
      ({ group, statefulSet: `${namespace}/a`, validator: { key: `${namespace}/a`, namespace } }) as Restart;
    const planOf = (restart: Restart): [string, GroupPlan] => [
      restart.group,
      { restart, holds: new Map(), remarks: new Map(), recheckInMs: undefined },
    ];
    const plans = new Map([
      ...many(50, (index) => planOf(restartOf(MALLORY, `custom-${index}`))),
      planOf(restartOf('stellar', 'testnet')),
    ]);
    const lane = new RestartQueue({
      ...(stage as unknown as ConstructorParameters<typeof RestartQueue>[0]),
      setbacks: new Setbacks(stage.clock),
      wake: { notify: () => undefined },
      restarter: {
        attempt: async ({ group }: Restart) => {
          tried.push(group);
          return { kind: 'changed', plan: undefined };
        },
      } as never,
    });
    const { input: found } = await stage.plans();
    const facts = { name: MALLORY } as NamespaceFacts;
    const namespaces = new Map(found.world.namespaces).set(MALLORY, facts);
    const input = { ...found, world: { ...found.world, namespaces } };
    for (let round = 0; round < 40; round += 1) {
      lane.offer(plans, input);
      await lane.idle();
      stage.clock.advance(60_000);
    }
    assert.equal(tried.filter((group) => group === 'testnet').length, 20);
    assert.ok(new Set(tried).size > 20, 'the networks of mallory take turns too');
  });
});

describe('a tenant whose StatefulSets name very many Services', () => {
  it('has at most 200 Services created in a pass, and does not delay the Services of other tenants', async () => {
    const publishing = new Publishing();
    const names = many(1_000, (index) => `m${index}`);
    const parts: Parts = {
      nodes: [...names.map((name) => node(name, { namespace: MALLORY })), node('a')],
      statefulSets: [
        ...names.map((name) => statefulSet(name, { namespace: MALLORY, spec: { replicas: 0 } })),
        statefulSet('a'),
      ],
    };
    await publishing.servicesPass(parts);
    const { items } = await publishing.kube.list(Services);
    assert.ok(items.length <= 200, `${items.length} in one pass`);
    assert.ok(items.some(({ metadata: { namespace } }) => namespace === 'stellar'));
    // The next pass is due at once, and after six passes all Services exist.
    for (let passes = 1; passes < 6; passes += 1) {
      assert.ok((publishing.publisher.retryInMs(publishing.clock.monotonicMs() - 1) ?? 9_999) <= 1_000);
      publishing.clock.advance(1);
      await publishing.servicesPass(parts);
    }
    assert.equal((await publishing.kube.list(Services)).items.length, 1_001);
  });
});
