import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Discovery, discover } from '../../../peers/discovery/discover.ts';
import { CONFIGMAP_BYTES_MAX, ViewBook, viewSizes } from '../../../peers/views/view-book.ts';
import { renderView, viewOf } from '../../../peers/views/views.ts';
import type { Validator, World } from '../../../peers/world.ts';
import { node, pod, statefulSet, worldWith } from '../world.ts';
import { plainView } from './plain-choice.ts';

const SETTINGS = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;
const bytesOf = (data: Readonly<Record<string, string>>): number =>
  Object.entries(data).reduce((sum, [key, text]) => sum + key.length + Buffer.byteLength(text), 0);

const activeOf = (discovery: Discovery): Validator[] => [...discovery.activeIn.values()].flat();
/** The expected content of a validator's files by the simple rules, for that size. */
function plainly(discovery: Discovery, { key }: Validator, size: number) {
  const group = discovery.groups.get(discovery.groupOf.get(key) ?? '');
  assert.ok(group);
  return { view: plainView(key, group, size), externals: group.externals.slice(0, size) };
}

/** The same as it is chosen, where there are too many to sort them all each time. */
function chosen(discovery: Discovery, { key }: Validator, size: number) {
  const group = discovery.groups.get(discovery.groupOf.get(key) ?? '');
  assert.ok(group);
  return { view: viewOf(key, group, size), externals: group.externals.slice(0, size) };
}

/** `count` validators in each of these namespaces. */
const crowd = (counts: Readonly<Record<string, number>>, prefix = 'validator'): World =>
  worldWith({
    nodes: Object.entries(counts).flatMap(([namespace, count]) =>
      Array.from({ length: count }, (_, index) => node(`${prefix}-${index}`, { namespace })),
    ),
  });

describe('views', () => {
  const SPECS: Readonly<Record<string, object>> = {
    plain: {},
    suspended: { spec: { suspended: true } },
    twice: { spec: { replicas: 2 } },
    none: { spec: { replicas: 0 } },
    shared: { annotations: { 'stellar.org/peer-address': 'core.example.org:11625' } },
  };
  const validator = fc.record({
    name: fc.integer({ min: 0, max: 39 }).map((number) => `v${number}`),
    namespace: fc.constantFrom('stellar', 'stellar-2', 'elsewhere'),
    network: fc.constantFrom('testnet', 'mainnet'),
    spec: fc.constantFrom('plain', ...Object.keys(SPECS)),
    runs: fc.boolean(),
  });
  const validators = fc.uniqueArray(validator, {
    selector: ({ namespace, name }) => `${namespace}/${name}`,
    maxLength: 40,
  });
  const external = (count: number) =>
    Array.from({ length: count }, (_, index) => `10.0.${count}.${index}:11625`).join('\n');

  it('are the same as by the simple rules', () => {
    const sizes = fc.integer({ min: 1, max: 12 });
    const outside = fc.constantFrom(0, 3, 20);
    fc.assert(
      fc.property(validators, sizes, outside, (all, maxPeers, count) => {
        const running = all.filter(({ runs }) => runs);
        const world = worldWith({
          nodes: all.map(({ name, namespace, network, spec }) => {
            const { spec: more, ...rest } = { spec: {}, ...SPECS[spec] };
            return node(name, { namespace, spec: { network, ...more }, ...rest });
          }),
          statefulSets: running.map(({ name, namespace }) => statefulSet(name, { namespace })),
          pods: running.map(({ name, namespace }) => pod(name, { namespace })),
          external: { testnet: external(count) },
        });
        const discovery = discover(world, SETTINGS);
        const views = new ViewBook(discovery, maxPeers);
        for (const each of activeOf(discovery)) {
          assert.deepEqual(views.peerListOf(each), plainly(discovery, each, maxPeers));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the size of the views of a namespace', () => {
  it('is MAX_PEERS, then 24, 16 or 8, never more than MAX_PEERS', () => {
    assert.deepEqual([100, 24, 16, 12, 8, 3].map(viewSizes), [
      [100, 24, 16, 8],
      [24, 16, 8],
      [16, 8],
      [12, 8],
      [8],
      [3],
    ]);
  });

  it('shrinks from 24 to 16 to 8 if larger views do not fit into its ConfigMap, until no size fits', () => {
    const counts = [200, 330, 600, 1_300];
    const sizes = counts.map((count) => {
      const discovery = discover(crowd({ crowded: count, small: 3 }), SETTINGS);
      const views = new ViewBook(discovery, 24);
      assert.equal(views.pageOf('small').size, 24, 'other namespaces keep theirs');
      const size = views.pageOf('crowded').size;
      const validators = discovery.activeIn.get('crowded') ?? [];
      const bytesAt = (peers: number) =>
        validators.reduce(
          (sum, each) => sum + bytesOf(renderView(each.name, chosen(discovery, each, peers), 0)),
          0,
        );
      if (size !== undefined) assert.ok(bytesAt(size) <= CONFIGMAP_BYTES_MAX, `${count} at ${size}`);
      const larger = { 24: undefined, 16: 24, 8: 16 }[size ?? 0] ?? (size === undefined ? 8 : undefined);
      if (larger) assert.ok(bytesAt(larger) > CONFIGMAP_BYTES_MAX, `${count} at ${larger}`);
      for (const each of validators.slice(0, 3)) {
        assert.deepEqual(views.peerListOf(each), plainly(discovery, each, size ?? 8));
      }
      return size;
    });
    assert.deepEqual(sizes, [24, 16, 8, undefined]);
  });

  it('depends on the length of peer addresses, also of those in other namespaces', () => {
    const far = `far-${'away'.repeat(12)}`;
    const { nodes } = crowd({ crowded: 262 });
    const sizes = [0, 300].map((count) => {
      const strangers = crowd({ [far]: count }, 'x'.repeat(40)).nodes;
      const world = { ...worldWith({}), nodes: new Map([...nodes, ...strangers]) };
      return new ViewBook(discover(world, SETTINGS), 24).pageOf('crowded').size;
    });
    assert.deepEqual(sizes, [24, 8]);
  });
});
