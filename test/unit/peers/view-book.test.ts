import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { type Discovery, discover } from '../../../peers/discover.ts';
import { readNode } from '../../../peers/read-node.ts';
import { CONFIGMAP_BYTES_MAX, ViewBook, viewSizes } from '../../../peers/view-book.ts';
import { externalsOf, renderView, viewBytes, viewOf } from '../../../peers/views.ts';
import type { NodeReading, Validator, World } from '../../../peers/world.ts';
import { node, worldWith } from '../world.ts';

const SETTINGS = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;
const bytesOf = (data: Readonly<Record<string, string>>): number =>
  Object.entries(data).reduce((sum, [key, text]) => sum + key.length + Buffer.byteLength(text), 0);

const activeOf = (discovery: Discovery): Validator[] => [...discovery.activeIn.values()].flat();
const bookOf = (discovery: Discovery, maxPeers = 24): ViewBook => {
  const views = new ViewBook(maxPeers);
  views.follow(discovery);
  return views;
};

/** What should stand in all ConfigMaps. */
const shown = (views: ViewBook, { activeIn }: Discovery) =>
  [...activeIn.keys()].map((namespace) => {
    const { size, entries } = views.pageOf(namespace);
    return { namespace, size, entries };
  });

/** That is what a book says that knows no other membership. A difference would be too long to be shown. */
function assertShown(views: ViewBook, discovery: Discovery, maxPeers = 24): void {
  const afresh = shown(bookOf(discovery, maxPeers), discovery);
  assert.ok(
    isDeepStrictEqual(shown(views, discovery), afresh),
    'what is remembered is not what is found afresh',
  );
}

/** What a validator's files should hold by the plain rules, at that size. */
function plainly(discovery: Discovery, { key }: Validator, size: number) {
  const group = discovery.groups.get(discovery.groupOf.get(key) ?? '');
  assert.ok(group);
  return { view: viewOf(key, group, size), externals: externalsOf(key, group, size) };
}

/** `count` validators in each of these namespaces. */
const crowd = (counts: Readonly<Record<string, number>>, prefix = 'validator'): World =>
  worldWith({
    nodes: Object.entries(counts).flatMap(([namespace, count]) =>
      Array.from({ length: count }, (_, index) => node(`${prefix}-${index}`, { namespace })),
    ),
  });

describe('views that are kept up while validators come and go', () => {
  const change = fc.record({
    name: fc.integer({ min: 0, max: 39 }),
    network: fc.constantFrom('testnet', 'mainnet'),
    // Joins, or is another: a second one of a name takes the first one's place.
    what: fc.constantFrom('join', 'join', 'join', 'leave', 'suspend', 'twice', 'none', 'address', 'outside'),
  });

  /** What reads the same is the same object, so that one that was there before may come back. */
  const readings = new Map<string, NodeReading>();
  const readingOf = (name: string, what: string, network: string): NodeReading => {
    const id = `${name} ${what} ${network}`;
    const reading = readings.get(id) ?? readNode(node(name, specOf(what, network)));
    readings.set(id, reading);
    return reading;
  };
  const outside = [20, 3, 0].map(
    (count) =>
      worldWith({
        external: {
          testnet: Array.from({ length: count }, (_, index) => `10.0.${count}.${index}:11625`).join('\n'),
        },
      }).external,
  );

  const specOf = (what: string, network: string) => ({
    spec: {
      network,
      ...(what === 'suspend' ? { suspended: true } : {}),
      ...(what === 'twice' ? { replicas: 2 } : {}),
      ...(what === 'none' ? { replicas: 0 } : {}),
    },
    ...(what === 'address' ? { annotations: { 'stellar.org/peer-address': 'core.example.org:11625' } } : {}),
  });

  it('are the views that the membership has by itself, whatever happened before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 25 }),
        fc.integer({ min: 1, max: 12 }),
        (steps, maxPeers) => {
          const nodes = new Map<string, NodeReading>();
          let external: World['external'];
          const views = new ViewBook(maxPeers);
          let before: Discovery | undefined;
          for (const changes of steps) {
            for (const { name, network, what } of changes) {
              const key = `stellar/v${name}`;
              if (what === 'leave') nodes.delete(key);
              else if (what === 'outside') external = outside[name % outside.length];
              else nodes.set(key, readingOf(`v${name}`, what, network));
            }
            const world = { ...worldWith({}), nodes, external };
            const discovery = discover(world, SETTINGS, before);
            const { activeIn: _, ...plain } = discover(world, SETTINGS);
            const { activeIn: __, ...kept } = discovery;
            assert.deepEqual(kept, plain, 'discovery takes over only what is the same');
            before = discovery;
            views.follow(discovery);
            for (const validator of activeOf(discovery)) {
              assert.deepEqual(views.listingOf(validator), plainly(discovery, validator, maxPeers));
            }
            assertShown(views, discovery, maxPeers);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('take the first by identity of two that weigh the same, at whatever size', () => {
    // Their digests are the same, and so is their weight for everybody.
    const twins = ['v14964', 'v160288'];
    const others = Array.from({ length: 70 }, (_, index) => `v${index}`);
    const world = worldWith({ nodes: [...twins, ...others].map((name) => node(name)) });
    const discovery = discover(world, SETTINGS);
    const members = [...discovery.groups.values()].flatMap((group) => group.members);
    const [one, other] = twins.map((name) => members.find(({ pod }) => pod === `${name}-0`)?.digest);
    assert.equal(one, other);
    let divided = 0;
    for (const maxPeers of [1, 2, 5, 12, 30, 60, 71]) {
      const views = bookOf(discovery, maxPeers);
      for (const validator of activeOf(discovery)) {
        const listing = views.listingOf(validator);
        assert.deepEqual(listing, plainly(discovery, validator, maxPeers));
        if (listing?.view.filter(({ digest }) => digest === one).length === 1) divided += 1;
      }
    }
    assert.ok(divided > 4, `only ${divided} views know one of the two`);
  });

  it('are the same objects until something in them is another', () => {
    const nodes = new Map(crowd({ stellar: 200 }).nodes);
    const world = { ...worldWith({}), nodes };
    const first = discover(world, SETTINGS);
    const views = bookOf(first);
    const before = activeOf(first).map((validator) => views.listingOf(validator));
    nodes.set('stellar/newcomer', readNode(node('newcomer')));
    const second = discover(world, SETTINGS, first);
    views.follow(second);
    const after = activeOf(first).map((validator) => views.listingOf(validator));
    const changed = after.filter((listing, index) => listing !== before[index]);
    assert.ok(changed.length > 5 && changed.length < 60, `${changed.length} of 200 views gain a newcomer`);
    for (const listing of changed) {
      assert.ok(listing?.view.some((member) => member.node === 'stellar/newcomer'));
    }
    assert.equal(discover(world, SETTINGS, second).groups.get('testnet'), second.groups.get('testnet'));
  });

  it('name the StellarNode as it is now, though its peers are those that it had', () => {
    const nodes = new Map(crowd({ stellar: 3 }).nodes);
    const world = { ...worldWith({}), nodes };
    const views = new ViewBook(24);
    const look = () => {
      const discovery = discover(world, SETTINGS);
      views.follow(discovery);
      return { validator: activeOf(discovery)[0], entry: views.pageOf('stellar').entries[0] };
    };
    for (const replicas of [1, 0]) {
      nodes.set('stellar/validator-0', readNode(node('validator-0', { spec: { replicas } })));
      const { entry } = look();
      const annotations = { 'stellar.org/peer-rollout': 'paused' };
      nodes.set('stellar/validator-0', readNode(node('validator-0', { annotations, spec: { replicas } })));
      const again = look();
      assert.equal(again.validator?.rollout, 'paused');
      assert.equal(again.entry?.validator, again.validator);
      assert.deepEqual(again.entry?.listing, entry?.listing);
    }
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

  it('shrinks from 24 to 16 to 8 where more do not fit into its ConfigMap, and then none does', () => {
    const counts = [200, 330, 600, 1_300];
    const sizes = counts.map((count) => {
      const discovery = discover(crowd({ crowded: count, small: 3 }), SETTINGS);
      const views = bookOf(discovery);
      assert.equal(views.pageOf('small').size, 24, 'other namespaces keep theirs');
      const size = views.pageOf('crowded').size;
      const validators = discovery.activeIn.get('crowded') ?? [];
      const bytesAt = (peers: number) =>
        validators.reduce(
          (sum, each) => sum + bytesOf(renderView(each.name, plainly(discovery, each, peers), 0)),
          0,
        );
      if (size !== undefined) assert.ok(bytesAt(size) <= CONFIGMAP_BYTES_MAX, `${count} at ${size}`);
      const larger = { 24: undefined, 16: 24, 8: 16 }[size ?? 0] ?? (size === undefined ? 8 : undefined);
      if (larger) assert.ok(bytesAt(larger) > CONFIGMAP_BYTES_MAX, `${count} at ${larger}`);
      for (const each of validators.slice(0, 3)) {
        assert.deepEqual(views.listingOf(each), plainly(discovery, each, size ?? 8));
      }
      return size;
    });
    assert.deepEqual(sizes, [24, 16, 8, undefined]);
  });

  it('follows what its validators are told of others, which may be too much for it', () => {
    const nodes = new Map(crowd({ crowded: 262 }).nodes);
    const world = { ...worldWith({}), nodes };
    const strangers = [...crowd({ [`far-${'away'.repeat(12)}`]: 300 }, 'x'.repeat(40)).nodes];
    const views = new ViewBook(24);
    const sizes = new Set<number | undefined>();
    let before: Discovery | undefined;
    const follow = () => {
      before = discover(world, SETTINGS, before);
      views.follow(before);
      assertShown(views, before);
      sizes.add(views.pageOf('crowded').size);
    };
    follow();
    for (const [index, [key, reading]] of strangers.entries()) {
      nodes.set(key, reading);
      if (index % 15 === 0) follow();
    }
    for (const [index, [key]] of strangers.entries()) {
      nodes.delete(key);
      if (index % 15 === 0) follow();
    }
    follow();
    assert.ok(sizes.size > 1, 'smaller, and as large again');
    assert.equal(views.pageOf('crowded').size, 24);
  });

  it('counts the bytes that are written, peers behind one address and outside the cluster included', () => {
    const external = Array.from({ length: 30 }, (_, index) => `10.0.0.${index}:11625`).join('\n');
    const shared = { 'stellar.org/peer-address': '10.0.0.1:11625' };
    for (const count of [1, 2, 3, 12]) {
      const nodes = Array.from({ length: count }, (_, index) =>
        node(`v${index}`, { annotations: index % 2 === 0 ? {} : shared }),
      );
      for (const parts of [{ nodes }, { nodes, external: { testnet: external } }]) {
        const discovery = discover(worldWith(parts), SETTINGS);
        for (const validator of activeOf(discovery)) {
          for (const size of [0, 1, 8, 24]) {
            const listing = plainly(discovery, validator, size);
            const written = bytesOf(renderView(validator.name, listing, Date.UTC(2026)));
            assert.equal(viewBytes(validator.name, listing), written);
          }
        }
      }
    }
  });
});
