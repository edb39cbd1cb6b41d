import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Discovery, discover } from '../../../peers/discover.ts';
import { digestOf, formatDigests, viewHash } from '../../../peers/hash.ts';
import { allSteps } from '../../../peers/steps.ts';
import { ViewBook } from '../../../peers/view-book.ts';
import type { ConfigMapFacts, PodFacts, World } from '../../../peers/world.ts';
import { PublishPlanner, planPublish } from '../../../reconciler/publish.ts';
import { planGroup } from '../../../reconciler/rollout.ts';
import { node, pod, statefulSet, worldWith } from '../world.ts';
import { DISCOVERY, inputOf, NOW_MS } from './group.ts';

const OWN = 'stellar-peers';
const nameOf = (index: number): string => `validator-${index}`;
const configMapOf = (data: Readonly<Record<string, string>>, version: string): ConfigMapFacts => ({
  ...{ key: 'stellar/stellar-peers', namespace: 'stellar', name: 'stellar-peers', uid: 'views' },
  ...{ version, data, rollout: undefined, ownKeys: Object.keys(data).sort(), foreignKeys: [] },
});

/** `count` Ready validators in one namespace, with their views published, at the size that fits. */
function published(
  count: number,
  before?: World,
): { readonly world: World; readonly size: number | undefined } {
  const names = Array.from({ length: count }, (_, index) => nameOf(index));
  const bare = worldWith({
    nodes: names.map((name) => node(name)),
    statefulSets: names.map((name) => statefulSet(name)),
    pods: names.map((name) => pod(name)),
    configMaps: [{ metadata: { name: 'stellar-peers', namespace: OWN } }],
    namespaces: [{ metadata: { name: 'stellar' } }],
  });
  const world = { ...bare, configMaps: new Map([...bare.configMaps, ...(before?.configMaps ?? [])]) };
  const plan = planPublish(world, discover(world, DISCOVERY), { ownNamespace: OWN, maxPeers: 24 }, NOW_MS);
  const data = plan.configMaps.find(({ namespace }) => namespace === 'stellar')?.data ?? {};
  const configMaps = new Map(world.configMaps).set('stellar', configMapOf(data, `${count}`));
  return { world: { ...world, configMaps }, size: plan.viewSizes.get('stellar') };
}

/** The World with every pod stamped with what is published in it. */
function started(world: World): World {
  const discovery = discover(world, DISCOVERY);
  const views = new ViewBook(24);
  views.follow(discovery);
  const pods = new Map<string, PodFacts>();
  for (const validator of discovery.activeIn.get('stellar') ?? []) {
    const found = world.pods.get(`${validator.key}-0`);
    const view = views.listingOf(validator)?.view ?? [];
    const peerHash = viewHash(view.map(({ identity }) => identity));
    const peers = formatDigests(view.map(({ identity }) => digestOf(identity)));
    if (found) pods.set(found.key, { ...found, peerHash, peers });
  }
  return { ...world, pods };
}

describe('a namespace that grows until the views of 24 do not fit', () => {
  const small = published(240);
  const large = published(330, small.world);

  it('gets smaller views, published as any other change', () => {
    assert.deepEqual([small.size, large.size], [24, 16]);
    const data = large.world.configMaps.get('stellar')?.data ?? {};
    assert.equal(data[`${nameOf(0)}.peers.txt`]?.trim().split('\n').length, 16);
  });

  for (const rollBelow of [8, Number.POSITIVE_INFINITY]) {
    it(`restarts nobody for that, with ROLL_BELOW ${rollBelow === 8 ? 8 : 'all'}`, () => {
      // Those that joined started with what is published; the others go on with views of 24.
      const pods = new Map([...started(large.world).pods, ...started(small.world).pods]);
      const { group, input } = inputOf({ ...large.world, pods }, { settings: { rollBelow } });
      const plan = planGroup(group, input);
      assert.equal(plan.restart, undefined);
      assert.deepEqual([...plan.holds], []);
    });
  }
});

describe('planning again what was planned before', () => {
  const SETTINGS = { ownNamespace: OWN, maxPeers: 24 };

  /** Plans each world that it is given, remembering the former ones; the data of a write is not looked at yet. */
  const planning = () => {
    const planner = new PublishPlanner();
    const views = new ViewBook(24);
    let before: Discovery | undefined;
    return (world: World) => {
      const discovery = discover(world, DISCOVERY, before);
      before = discovery;
      views.follow(discovery);
      return allSteps(planner.steps(() => ({ world, discovery, views, ownNamespace: OWN, nowMs: NOW_MS })));
    };
  };
  const afresh = (world: World) => planPublish(world, discover(world, DISCOVERY), SETTINGS, NOW_MS);
  const withNode = ({ nodes }: World, name: string) =>
    new Map(nodes).set(
      `stellar/${name}`,
      worldWith({ nodes: [node(name)] }).nodes.get(`stellar/${name}`) as never,
    );

  it('finds what planning it for the first time would, whatever happened in between', () => {
    const plan = planning();
    let world = published(3).world;
    const take = (next: World) => {
      world = next;
      const found = plan(world);
      assert.deepEqual(found, afresh(world));
      return found.configMaps.map(({ namespace }) => namespace);
    };
    const edited = (key: string, text: string): World => {
      const facts = world.configMaps.get('stellar');
      assert.ok(facts);
      const data = { ...facts.data, [key]: text };
      return { ...world, configMaps: new Map(world.configMaps).set('stellar', { ...facts, data }) };
    };
    const rest = world;
    assert.ok(!take(world).includes('stellar'));
    assert.ok(!take({ ...world }).includes('stellar'), 'at rest');
    assert.ok(take(edited(`${nameOf(0)}.peers.txt`, 'nobody\n')).includes('stellar'), 'an edit is seen');
    assert.ok(take(world).includes('stellar'), 'until it is put right');
    assert.ok(!take(rest).includes('stellar'));
    const joined = withNode(world, 'newcomer');
    assert.ok(take({ ...world, nodes: joined }).includes('stellar'), 'a newcomer is published');
    const terminating = {
      name: 'stellar',
      terminating: true,
      labels: {},
      rollout: undefined,
      adopt: undefined,
    };
    assert.ok(!take({ ...world, namespaces: new Map([['stellar', terminating]]) }).includes('stellar'));
    assert.ok(!take({ ...rest }).includes('stellar'));
    const replaced = withNode(rest, 'a-newcomer');
    replaced.delete(`stellar/${nameOf(1)}`);
    assert.ok(take({ ...rest, nodes: replaced }).includes('stellar'), 'one comes before all, one goes');
    assert.ok(!take({ ...rest }).includes('stellar'));
    assert.ok(take({ ...rest, nodes: new Map() }).includes('stellar'), 'nobody is left');
  });

  it('writes what was planned, though its data is asked for when the world has gone on', () => {
    const plan = planning();
    const { world } = published(5);
    const joined = { ...world, nodes: withNode(world, 'a-newcomer') };
    plan(world);
    const { configMaps } = plan(joined);
    plan({ ...world, nodes: withNode(world, 'z-newcomer') });
    plan({ ...world, nodes: new Map() });
    assert.deepEqual(configMaps, afresh(joined).configMaps);
    const own = configMaps.find(({ namespace }) => namespace === 'stellar');
    assert.equal(own?.data, own?.data, 'and it is put together once');
  });
});
