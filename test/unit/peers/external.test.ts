/** Peers outside the cluster: which lines of the ConfigMap count. Such peers are never members. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'smol-toml';
import { discover } from '../../../peers/discovery/discover.ts';
import { readExternals } from '../../../peers/discovery/external.ts';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import { outsideOf, renderView, viewOf } from '../../../peers/views/views.ts';
import { planPublish } from '../../../reconciler/plan/publish/publish.ts';
import { node, worldWith } from '../world.ts';

const SETTINGS = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;
const PUBLISH = { ownNamespace: 'stellar-peers', maxPeers: 24 };

const discovered = (external?: Record<string, string>) => {
  const parts = { nodes: [node('a'), node('b'), node('c')], ...(external ? { external } : {}) };
  const world = worldWith(parts);
  const discovery = discover(world, SETTINGS);
  const group = discovery.groups.get('testnet');
  assert.ok(group);
  return { world, discovery, group };
};
const problemOf = (external: Record<string, string>) =>
  discovered(external).discovery.remarks.get('stellar-peers/stellar-peers-external');

describe('peers outside the cluster', () => {
  it('are a list for each network, one peer on a line, without comments, blank lines and duplicates, in order', () => {
    const testnet = '# ours\r\nz.example.org\r\n\r\n203.0.113.7:11725 # a comment\n z.example.org:11625 \n';
    const { group, discovery } = discovered({ testnet, mainnet: 'other.example.org' });
    assert.deepEqual(group.externals, ['203.0.113.7:11725', 'z.example.org:11625']);
    assert.equal(discovery.remarks.size, 0);
  });

  it('are kept without invalid lines, which are reported by key and line', () => {
    const testnet = 'good.example.org\nnot an address\nalso:bad:line\n';
    assert.deepEqual(discovered({ testnet }).group.externals, ['good.example.org:11625']);
    const problem = problemOf({ testnet });
    assert.equal(problem?.code, 'InvalidExternalPeers');
    assert.equal(problem?.detail, 'testnet line 2: "not an address", and 1 more');
  });

  it('under a key that is no network are reported', () => {
    for (const key of ['Testnet', 'custom', 'custom-xyz', 'README']) {
      assert.match(problemOf({ [key]: 'a.example.org' })?.detail ?? '', /is no network$/, key);
    }
    assert.equal(problemOf({ 'custom-0123456789abcdef': 'a.example.org' }), undefined);
  });

  it('are at most a hundred for each network', () => {
    const testnet = Array.from({ length: 101 }, (_, index) => `p${index}.example.org`).join('\n');
    assert.equal(discovered({ testnet }).group.externals.length, 100);
    assert.match(problemOf({ testnet })?.detail ?? '', /more than 100/);
  });

  it('change no member, view, digest or hash', () => {
    const { group } = discovered();
    const { group: with_ } = discovered({ testnet: 'a.example.org\nb.example.org' });
    assert.deepEqual(with_.members, group.members);
    assert.deepEqual([...with_.existing], [...group.existing]);
    const files = (from: typeof group) =>
      renderView('a', { view: viewOf('stellar/a', from, 24), externals: from.externals }, 0);
    assert.equal(files(with_)['a.view.json'], files(group)['a.view.json']);
    assert.notEqual(files(with_)['a.peers.txt'], files(group)['a.peers.txt']);
  });

  it('come after the members in both files, each address once', () => {
    const { group } = discovered({ testnet: 'b-0.b-headless.stellar.svc.cluster.local\nz.example.org:1' });
    const view = viewOf('stellar/a', group, 24);
    const files = renderView('a', { view, externals: group.externals }, 0);
    const expected = [
      'b-0.b-headless.stellar.svc.cluster.local:11625',
      'c-0.c-headless.stellar.svc.cluster.local:11625',
      'z.example.org:1',
    ];
    assert.equal(files['a.peers.txt'], expected.map((address) => `${address}\n`).join(''));
    assert.deepEqual(parse(files['a.peers.toml'] ?? '').KNOWN_PEERS, expected);
  });

  it('are limited in number like members, and one more peer changes at most one of the chosen', () => {
    const list = (count: number) =>
      Array.from({ length: count }, (_, index) => `p${index}.example.org`).join('\n');
    const none = { ownPeers: [], outwardNames: [] };
    const of = (count: number) => outsideOf(none, discovered({ testnet: list(count) }).group, 8);
    for (const count of [9, 20, 60]) {
      const [before, after] = [of(count), of(count + 1)];
      assert.equal(before.length, 8);
      assert.ok(before.filter((address) => !after.includes(address)).length <= 1);
    }
  });

  /** The next write of the leader, if it wrote `data` before. */
  const writtenOver = (data: Readonly<Record<string, string>>) => {
    const fields = Object.fromEntries(Object.keys(data).map((key) => [`f:${key}`, {}]));
    const managedFields = [{ manager: 'stellar-peers', operation: 'Apply', fieldsV1: { 'f:data': fields } }];
    const configMaps = [{ metadata: { name: 'stellar-peers', namespace: 'stellar', managedFields }, data }];
    const nodes = [node('a'), node('b'), node('c')];
    const world = worldWith({ nodes, configMaps, external: { testnet: 'z.example.org' } });
    const next = planPublish(world, discover(world, SETTINGS), PUBLISH, 9_000);
    return next.configMaps.find(({ namespace }) => namespace === 'stellar')?.data ?? {};
  };
  const firstOf = ({ world, discovery }: ReturnType<typeof discovered>) =>
    planPublish(world, discovery, PUBLISH, 1_000).configMaps.find(({ namespace }) => namespace === 'stellar')
      ?.data ?? {};

  it('change the files when they change, and leave hash and time of publication unchanged', () => {
    const data = firstOf(discovered());
    const written = writtenOver(data);
    assert.match(written['a.peers.txt'] ?? '', /z\.example\.org:11625\n$/);
    assert.equal(written['a.view.json'], data['a.view.json']);
  });

  it('come after a mark, which an upgrade adds without a change of hash and time', () => {
    const data = firstOf(discovered({ testnet: 'z.example.org' }));
    const mark = '  # outside the cluster\n';
    const before = Object.fromEntries(
      Object.entries(data).map(([key, text]) => [key, text.replace(mark, '')]),
    );
    assert.notDeepEqual(before, data);
    assert.deepEqual(writtenOver(before), data);
  });
});

describe('a file that is no UTF-8', () => {
  it('is reported, because kubectl puts it into binaryData', () => {
    const metadata = { name: 'stellar-peers-external', namespace: 'stellar-peers' };
    const map = readConfigMap({ metadata, binaryData: { testnet: '//5hAA==' } });
    assert.match(readExternals(map).problem?.detail ?? '', /^testnet is no UTF-8 text/);
  });
});
