/** Peers that a StellarNode itself names. They are only in its own list, and never cause a restart. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { readNode } from '../../../peers/read/stellar-node.ts';
import { ViewBook } from '../../../peers/views/view-book.ts';
import { viewFiles } from '../../../peers/views/views.ts';
import { planPublish } from '../../../reconciler/plan/publish/publish.ts';
import { DISCOVERY, networkWorld, planOf } from '../reconciler/group.ts';
import { node, worldWith } from '../world.ts';

const PUBLISH = { ownNamespace: 'stellar-peers', maxPeers: 24 };
const CLUSTERS = [
  { clusterId: 'west', endpoint: 'west.example.org', port: 11725, enabled: true },
  { clusterId: 'east', endpoint: '203.0.113.7', port: null, enabled: null },
  { clusterId: 'north', endpoint: 'north.example.org', enabled: false },
];

function validatorOf(spec: Record<string, unknown>) {
  const reading = readNode(node('a', { spec }));
  assert.equal(reading.kind, 'validator');
  return reading.kind === 'validator' ? reading.validator : assert.fail();
}
const addressesOf = (spec: Record<string, unknown>) =>
  validatorOf(spec).ownPeers.map(({ address }) => address);
const remarkOf = (spec: Record<string, unknown>) => {
  const { remark } = validatorOf(spec);
  return remark && `${remark.code} ${remark.detail}`;
};
const clusters = (...peerClusters: unknown[]) => ({ crossCluster: { enabled: true, peerClusters } });
const known = (knownPeers: unknown) => ({ validatorConfig: { knownPeers } });

/** The addresses in the lists of `a`, `b` and `c`, if `a` has this spec. */
function lists(spec: Record<string, unknown>, external?: Record<string, string>) {
  const nodes = [node('a', { spec }), node('b'), node('c')];
  const world = worldWith({ nodes, ...(external ? { external } : {}) });
  const discovery = discover(world, DISCOVERY);
  const book = new ViewBook(discovery, 24);
  return book.pageOf('stellar').entries.map(({ peerList }) => viewFiles(peerList).txt.trim().split('\n'));
}
const outside = (list: readonly string[] | undefined) => list?.filter((line) => !line.includes('headless'));

describe('the peers outside the cluster that a StellarNode names', () => {
  it('are read from crossCluster.peerClusters, except for those that are not enabled', () => {
    assert.deepEqual(validatorOf(clusters(...CLUSTERS)).ownPeers, [
      { address: '203.0.113.7:11625', from: 'spec.crossCluster.peerClusters[1]' },
      { address: 'west.example.org:11725', from: 'spec.crossCluster.peerClusters[0]' },
    ]);
    assert.deepEqual(addressesOf({ crossCluster: { enabled: false, peerClusters: CLUSTERS } }), []);
    assert.equal(addressesOf({ crossCluster: { peerClusters: CLUSTERS } }).length, 2);
  });

  it('are read from validatorConfig.knownPeers, as TOML or as a list alone', () => {
    const from = 'spec.validatorConfig.knownPeers';
    assert.deepEqual(
      validatorOf(known('# ours\nKNOWN_PEERS = ["core.example.org", "192.0.2.1:1"]')).ownPeers,
      [
        { address: '192.0.2.1:1', from },
        { address: 'core.example.org:11625', from },
      ],
    );
    assert.deepEqual(addressesOf(known('["b.example.org:2",\n"A.example.org"]')), [
      'a.example.org:11625',
      'b.example.org:2',
    ]);
    for (const empty of [undefined, null, '', ' \n', 'KNOWN_PEERS=[]', '[]']) {
      assert.deepEqual([addressesOf(known(empty)), remarkOf(known(empty))], [[], undefined]);
    }
  });

  it('are listed once, even if several fields name the same peer', () => {
    const both = { ...clusters({ endpoint: 'x.example.org' }), ...known('["x.example.org:11625"]') };
    assert.deepEqual(
      validatorOf(both).ownPeers.map(({ from }) => from),
      ['spec.crossCluster.peerClusters[0]', 'spec.validatorConfig.knownPeers'],
    );
    assert.deepEqual(outside(lists(both)[0]), ['x.example.org:11625']);
  });

  it('are kept without invalid addresses, which are reported by field', () => {
    const field = 'InvalidOwnPeers spec.crossCluster.peerClusters';
    const good = { endpoint: 'good.example.org' };
    for (const [bad, said] of [
      [{ endpoint: 'https://x.example.org' }, '[1].endpoint: "https://x.example.org"'],
      [{ endpoint: '2001:db8::1' }, '[1].endpoint: "2001:db8::1"'],
      [{ endpoint: 'x.example.org', port: 0 }, '[1].port: 0'],
      [{ endpoint: 'x.example.org', port: '11625' }, '[1].port: "11625"'],
      [{ endpoint: 'x.example.org:1', port: 2 }, '[1].endpoint: "x.example.org:1"'],
      [{ endpoint: 'x.example.org', enabled: 'yes' }, '[1].enabled: "yes"'],
      [{ port: 11625 }, '[1].endpoint: nothing'],
      ['x.example.org', '[1].endpoint: nothing'],
    ] as const) {
      assert.deepEqual(addressesOf(clusters(good, bad)), ['good.example.org:11625'], said);
      assert.equal(remarkOf(clusters(good, bad)), field + said);
    }
    assert.equal(remarkOf({ crossCluster: { peerClusters: 'x' } }), `${field}: "x"`);
    assert.equal(remarkOf(clusters(1, 2)), `${field}[0].endpoint: nothing, and 1 more`);
  });

  it('do not include a knownPeers that is no list of addresses, which is reported with the mistake', () => {
    const field = 'InvalidOwnPeers spec.validatorConfig.knownPeers';
    for (const [text, said] of [
      ['\nKNOWN_PEERS=["a"', 'line 2: it is not TOML'],
      ['a.example.org', 'line 1: it is not TOML'],
      ['PREFERRED_PEERS=["a"]', '"PREFERRED_PEERS" is not read'],
      ['KNOWN_PEERS="a"', 'KNOWN_PEERS is no list'],
      ['["a", "b c"]', '"b c"'],
      ['[1]', '1'],
      [7, 'it is no text'],
      [['a'], 'it is no text'],
      [`#${'x'.repeat(65_536)}`, 'it is longer than 65536 characters'],
    ] as const) {
      assert.equal(remarkOf(known(text)), `${field}: ${said}`);
    }
    assert.deepEqual(addressesOf(known('["a", "b c"]')), ['a:11625']);
    assert.match(remarkOf(known(`${'['.repeat(60_000)}`)) ?? '', /line 1/);
  });

  it('are at most a hundred addresses', () => {
    const many = Array.from({ length: 101 }, (_, index) => ({ endpoint: `p${index}.example.org` }));
    assert.equal(addressesOf(clusters(...many)).length, 100);
    assert.match(remarkOf(clusters(...many)) ?? '', /more than 100 peers/);
  });
});

describe('names by which a validator is reached from outside', () => {
  const NAMED = {
    crossCluster: { enabled: true, externalName: { externalDnsName: 'a.us.example.org' } },
    validatorConfig: { externalDns: { hostname: 'A.example.org' }, peerPort: 11725 },
  };

  it('are read with its port, and change no list inside the cluster', () => {
    assert.deepEqual(validatorOf(NAMED).outwardNames, [
      { address: 'a.us.example.org:11725', from: 'spec.crossCluster.externalName.externalDnsName' },
      { address: 'a.example.org:11725', from: 'spec.validatorConfig.externalDns.hostname' },
    ]);
    assert.deepEqual(lists(NAMED), lists({ validatorConfig: { peerPort: 11725 } }));
  });

  it('are left out of its own list, but not of the lists of others', () => {
    const external = { testnet: 'a.example.org:11725\nz.example.org' };
    const own = { ...NAMED, ...clusters({ endpoint: 'a.us.example.org', port: 11725 }) };
    const crossCluster = { ...NAMED.crossCluster, ...own.crossCluster };
    const [a, b] = lists({ ...NAMED, crossCluster }, external);
    assert.deepEqual(outside(a), ['z.example.org:11625']);
    assert.deepEqual(outside(b), ['a.example.org:11725', 'z.example.org:11625']);
  });

  it('that are invalid are reported', () => {
    const spec = { validatorConfig: { externalDns: { hostname: '*.example.org' } } };
    assert.equal(
      remarkOf(spec),
      'InvalidOwnPeers spec.validatorConfig.externalDns.hostname: "*.example.org"',
    );
  });
});

describe('the list of a validator that names peers itself', () => {
  const OWN = clusters(...CLUSTERS);

  it('has these peers, and no other list has them', () => {
    const [a, b, c] = lists(OWN, { testnet: 'z.example.org' });
    assert.deepEqual(outside(a), ['203.0.113.7:11625', 'west.example.org:11725', 'z.example.org:11625']);
    assert.deepEqual([outside(b), outside(c)], [['z.example.org:11625'], ['z.example.org:11625']]);
  });

  it('has its own peers before those of the network, if there are too many', () => {
    const testnet = Array.from({ length: 60 }, (_, index) => `p${index}.example.org`).join('\n');
    const [a] = lists(OWN, { testnet });
    assert.equal(outside(a)?.length, 24);
    for (const address of addressesOf(OWN)) assert.ok(a?.includes(address));
  });

  it('changes with these peers at once, and its hash and the lists of others do not', () => {
    const dataOf = (spec: Record<string, unknown>) => {
      const world = worldWith({ nodes: [node('a', { spec }), node('b'), node('c')] });
      const { configMaps } = planPublish(world, discover(world, DISCOVERY), PUBLISH, 1_000);
      return configMaps.find(({ namespace }) => namespace === 'stellar')?.data ?? {};
    };
    const [before, after] = [dataOf({}), dataOf(OWN)];
    const changed = Object.keys(before).filter((key) => before[key] !== after[key]);
    assert.deepEqual(changed.sort(), ['a.peers.toml', 'a.peers.txt']);
  });

  it('causes no restart of any validator', () => {
    const named = { node: { spec: { ...OWN, ...known('["x.example.org"]') } } };
    for (const rollFor of ['missing', 'all', 'unlinked'] as const) {
      const plan = planOf(networkWorld({ a: named, b: {}, c: {} }), { settings: { rollFor } });
      assert.deepEqual([plan.restart, plan.holds], [undefined, {}]);
    }
  });
});
