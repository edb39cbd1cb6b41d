import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { digestOf, formatDigests, viewHash } from '../../../peers/hash.ts';
import { ViewBook } from '../../../peers/views/view-book.ts';
import type { ConfigMapFacts, PodFacts, World } from '../../../peers/world.ts';
import { planPublish } from '../../../reconciler/plan/publish/publish.ts';
import { planGroup } from '../../../reconciler/plan/restarts/rollout.ts';
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
  const views = new ViewBook(discovery, 24);
  const pods = new Map<string, PodFacts>();
  for (const validator of discovery.activeIn.get('stellar') ?? []) {
    const found = world.pods.get(`${validator.key}-0`);
    const view = views.peerListOf(validator)?.view ?? [];
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
    it(`restarts no validator for that, with ROLL_BELOW ${rollBelow === 8 ? 8 : 'all'}`, () => {
      // Those that joined started with what is published; the others go on with views of 24.
      const pods = new Map([...started(large.world).pods, ...started(small.world).pods]);
      const { group, input } = inputOf({ ...large.world, pods }, { settings: { rollBelow } });
      const plan = planGroup(group, input);
      assert.equal(plan.restart, undefined);
      assert.deepEqual([...plan.holds], []);
    });
  }
});
