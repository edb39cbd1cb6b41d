import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { discover } from '../../../peers/discovery/discover.ts';
import { newcomersOf } from '../../../reconciler/plan/publish/publish.ts';
import { node } from '../world.ts';
import { DISCOVERY, NOW_MS } from './group.ts';
import { OWN, Publishing, peersIn, running } from './publishing.ts';

const HOUR_MS = 3_600_000;
const viewKeys = (...names: string[]) =>
  names.flatMap((name) => [`${name}.peers.toml`, `${name}.peers.txt`, `${name}.view.json`]);
const address = (name: string) => `${name}-0.${name}-headless.stellar.svc.cluster.local:11625`;

interface View {
  readonly hash: string;
  readonly peers: string;
  readonly publishedAt: string;
}
const viewOf = (publishing: Publishing, name: string): View =>
  JSON.parse(publishing.data('stellar')[`${name}.view.json`] ?? '{}') as View;

describe('the ConfigMap of a namespace with validators', () => {
  it('is made with the first of them: the others of the network as a list and as a fragment', async () => {
    const publishing = new Publishing();
    assert.deepEqual(await publishing.pass(running('a', 'b', 'c')), ['stellar', OWN]);
    assert.deepEqual(publishing.keys('stellar'), viewKeys('a', 'b', 'c'));
    const data = publishing.data('stellar');
    assert.equal(data['a.peers.txt'], `${address('b')}\n${address('c')}\n`);
    assert.equal(data['a.peers.toml'], `KNOWN_PEERS=[\n  "${address('b')}",\n  "${address('c')}",\n]\n`);
    const { hash, peers, publishedAt } = viewOf(publishing, 'a');
    assert.match(hash, /^[0-9a-f]{16}$/);
    assert.match(peers, /^v1:[0-9a-f]{8},[0-9a-f]{8}$/);
    assert.equal(publishedAt, new Date(NOW_MS).toISOString());
  });

  it('is published for a validator before it has a StatefulSet', async () => {
    const publishing = new Publishing();
    await publishing.pass({ nodes: [node('a'), node('b')] });
    assert.equal(publishing.data('stellar')['a.peers.txt'], `${address('b')}\n`);
  });

  it('is not written again while nothing changed, however much time passed', async () => {
    const publishing = new Publishing();
    const parts = running('a', 'b', 'c');
    await publishing.pass(parts);
    publishing.clock.advance(25 * HOUR_MS);
    assert.deepEqual((await publishing.plan(parts)).configMaps, []);
    assert.equal(publishing.writes().length, 4, 'two ConfigMaps, each made and then filled');
  });

  it('keeps the time of publication while a view stays, and moves it when the view changes', async () => {
    const publishing = new Publishing();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const viewsOf = () => names.map((name) => viewOf(publishing, name));
    await publishing.pass(running(...names), 3);
    const before = viewsOf();
    publishing.clock.advance(HOUR_MS);
    await publishing.pass(running(...names, 'newcomer'), 3);
    const after = viewsOf();
    const changed = names.map((_, index) => before[index]?.hash !== after[index]?.hash);
    assert.deepEqual(new Set(changed), new Set([true, false]), 'a newcomer changes some views, not all');
    for (const [index, { publishedAt }] of after.entries()) {
      assert.equal(Date.parse(publishedAt), changed[index] ? NOW_MS + HOUR_MS : NOW_MS);
    }
  });

  it('is corrected after another program edited or deleted a key, without a new time of publication', async () => {
    const publishing = new Publishing();
    const parts = running('a', 'b');
    await publishing.pass(parts);
    const right = publishing.data('stellar');
    for (const value of ['somewhere else\n', undefined]) {
      for (const key of ['a.peers.txt', 'b.peers.toml']) {
        publishing.clock.advance(HOUR_MS);
        await publishing.edit('stellar', key, value);
        assert.notDeepEqual(publishing.data('stellar'), right);
        await publishing.pass(parts);
        assert.deepEqual(publishing.data('stellar'), right);
      }
    }
  });

  it('is corrected after the view itself was edited, with a new time of publication', async () => {
    const publishing = new Publishing();
    const parts = running('a', 'b');
    await publishing.pass(parts);
    const before = viewOf(publishing, 'a');
    publishing.clock.advance(HOUR_MS);
    for (const value of ['{', 'null', undefined, '{"hash":"0000000000000000","peers":"v1:"}']) {
      await publishing.edit('stellar', 'a.view.json', value);
      await publishing.pass(parts);
      const publishedAt = new Date(publishing.clock.nowMs()).toISOString();
      assert.deepEqual(viewOf(publishing, 'a'), { ...before, publishedAt });
      publishing.clock.advance(HOUR_MS);
    }
  });

  it('loses the keys of a validator that left, is suspended or is no validator any more', async () => {
    for (const gone of [
      [],
      [node('c', { spec: { suspended: true } })],
      [node('c', { spec: { nodeType: 'Horizon' } })],
    ]) {
      const publishing = new Publishing();
      await publishing.pass(running('a', 'b', 'c'));
      const rest = running('a', 'b');
      await publishing.pass({ ...rest, nodes: [...(rest.nodes ?? []), ...gone] });
      assert.deepEqual(publishing.keys('stellar'), viewKeys('a', 'b'));
      assert.equal(publishing.data('stellar')['a.peers.txt'], `${address('b')}\n`);
    }
  });

  it('is deleted with the last validator', async () => {
    const publishing = new Publishing();
    await publishing.pass(running('a', 'b'));
    await publishing.pass({});
    assert.equal(publishing.kube.observe(peersIn('stellar')), undefined);
    assert.deepEqual(await publishing.pending({}), []);
  });

  it('stays, without our keys, if another program has a key in it', async () => {
    for (const byApply of [true, false]) {
      const publishing = new Publishing();
      await publishing.pass(running('a', 'b'));
      if (byApply) await publishing.foreignApply('stellar', { notes: 'mine' });
      else await publishing.edit('stellar', 'notes', 'mine');
      await publishing.pass({});
      assert.deepEqual(publishing.data('stellar'), { notes: 'mine' });
      assert.deepEqual(await publishing.pending({}), []);
    }
  });

  it('stays, without our keys, for bytes of others and for a key that another controller applies too', async () => {
    const publishing = new Publishing();
    await publishing.pass(running('a', 'b'));
    const value = { 'logo.png': 'AAAA' };
    await publishing.kube.patch(peersIn('stellar'), [{ op: 'add', path: '/binaryData', value }]);
    await publishing.pass({});
    assert.deepEqual(publishing.keys('stellar'), []);
    assert.deepEqual(publishing.kube.observe(peersIn('stellar'))?.binaryData, value);
    assert.deepEqual(await publishing.pending({}), []);

    const shared = new Publishing();
    await shared.pass(running('a', 'b'));
    const text = shared.data('stellar')['a.peers.txt'] ?? '';
    await shared.foreignApply('stellar', { 'a.peers.txt': text });
    await shared.pass({});
    assert.deepEqual(shared.data('stellar'), { 'a.peers.txt': text });
    assert.deepEqual(await shared.pending({}), []);
  });

  it('loses a key of ours that is named like what every object has', async () => {
    const publishing = new Publishing();
    await publishing.pass(running('a', 'b'));
    const ours = publishing.data('stellar');
    const metadata = { name: 'stellar-peers', namespace: 'stellar' };
    const data = { ...ours, constructor: 'x' };
    await publishing.kube.apply(peersIn('stellar'), { metadata, data }, { manager: 'stellar-peers' });
    await publishing.pass(running('a', 'b'));
    assert.deepEqual(publishing.data('stellar'), ours);
  });

  it('is never deleted from our own namespace, with or without validators', async () => {
    const publishing = new Publishing();
    await publishing.pass({ nodes: [node('a', { namespace: OWN }), node('b', { namespace: OWN })] });
    assert.ok(publishing.keys(OWN).includes('a.peers.txt'));
    publishing.clock.advance(HOUR_MS);
    await publishing.pass({});
    assert.deepEqual(publishing.keys(OWN), ['KNOWN_PEERS', 'discovery_metadata', 'networks.json']);
  });

  it('is left alone in a namespace where we publish nothing', async () => {
    const publishing = new Publishing();
    await publishing.foreignApply('elsewhere', { notes: 'mine' });
    await publishing.pass(running('a', 'b'));
    assert.deepEqual(publishing.data('elsewhere'), { notes: 'mine' });
  });

  it('leaves a key that another controller applies to it, says so, and keeps the rest current', async () => {
    const publishing = new Publishing();
    await publishing.pass(running('a', 'b'));
    await publishing.foreignApply('stellar', { 'a.peers.txt': 'theirs\n' });
    const parts = running('a', 'b', 'c');
    assert.deepEqual(
      [...(await publishing.plan(parts)).reports],
      [['stellar/a', { code: 'KeyConflict', detail: 'a.peers.txt' }]],
    );
    await publishing.pass(parts);
    const data = publishing.data('stellar');
    assert.equal(data['a.peers.txt'], 'theirs\n');
    assert.match(data['a.peers.toml'] ?? '', /c-headless/);
    assert.equal(data['b.peers.txt'], `${address('a')}\n${address('c')}\n`);
    assert.deepEqual(await publishing.pending(parts), []);
  });

  it('a key of the overview that another controller applies is left and reported too', async () => {
    const publishing = new Publishing();
    await publishing.foreignApply(OWN, { KNOWN_PEERS: 'theirs' });
    const parts = running('a', 'b');
    assert.deepEqual(
      [...(await publishing.plan(parts)).reports],
      [['stellar-peers/stellar-peers', { code: 'KeyConflict', detail: 'KNOWN_PEERS' }]],
    );
    await publishing.pass(parts);
    assert.equal(publishing.data(OWN).KNOWN_PEERS, 'theirs');
    assert.match(publishing.data(OWN).discovery_metadata ?? '', /active_validators/);
  });

  it('is left as it is where the views do not fit, which is reported for each validator of it', async () => {
    const publishing = new Publishing();
    await publishing.pass(running('a', 'b'));
    const before = publishing.data('stellar');
    const names = Array.from({ length: 500 }, (_, index) => `a-validator-with-a-long-name-${index}`);
    const plan = await publishing.plan({
      nodes: [...names.map((name) => node(name)), node('z', { namespace: 'small' })],
    });
    assert.deepEqual(
      plan.configMaps.map(({ namespace }) => namespace),
      ['small', OWN],
    );
    assert.deepEqual([...plan.reports.keys()], names.map((name) => `stellar/${name}`).sort());
    assert.deepEqual(
      new Set([...plan.reports.values()].map(({ code }) => code)),
      new Set(['NamespaceTooLarge']),
    );
    await publishing.publisher.publish(plan.configMaps);
    assert.deepEqual(publishing.data('stellar'), before);
    assert.deepEqual(publishing.keys('small'), viewKeys('z'));
  });
});

describe('whatever Kubernetes lets validators be called', () => {
  const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
  const name = fc.oneof(
    label,
    fc.constantFrom(
      `${'a.'.repeat(126)}a`,
      'peers',
      'peers.json',
      'networks',
      'known-peers',
      'a.peers',
      'a.view',
      'a',
    ),
    fc.array(label, { minLength: 2, maxLength: 6 }).map((labels) =>
      labels
        .join('.')
        .slice(0, 253)
        .replace(/[-.]+$/, ''),
    ),
  );
  /** Keys of the upstream operator's own discovery. */
  const UPSTREAM = ['peers.json', 'peers.txt', 'peer_count'];

  it('every key is one that a ConfigMap takes, every file can be read, and none is another one’s', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(name, { minLength: 1, maxLength: 5 }), async (names) => {
        const publishing = new Publishing();
        const { configMaps } = await publishing.plan({ nodes: names.map((each) => node(each)) });
        for (const { data } of configMaps) {
          for (const [key, text] of Object.entries(data)) {
            assert.match(key, /^[-._a-zA-Z0-9]{1,253}$/);
            assert.ok(!UPSTREAM.includes(key), key);
            if (key.endsWith('.peers.toml')) {
              assert.match(text, /^KNOWN_PEERS=(\[\]|\[\n( {2}"[a-z0-9.:-]+",\n)+\])\n$/);
            } else if (key.endsWith('.peers.txt') || key === 'KNOWN_PEERS') {
              assert.match(text, /^([a-z0-9.-]+:[0-9]{1,5}\n)*$/);
            } else assert.doesNotThrow(() => JSON.parse(text), key);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('whose first peers are told', () => {
  const told = async (publishing: Publishing, parts: Parameters<Publishing['plan']>[0]) => {
    const world = await publishing.world(parts);
    const { configMaps } = await publishing.plan(parts);
    const found = newcomersOf(configMaps, { world, discovery: discover(world, DISCOVERY) });
    await publishing.pass(parts);
    publishing.clock.advance(60_000);
    return found.map(({ key, peers }) => `${key} ${peers}`);
  };

  it('is one whose list was empty, or was not there, and none for an empty list', async () => {
    const publishing = new Publishing();
    assert.deepEqual(await told(publishing, running('a')), []);
    assert.deepEqual(await told(publishing, running('a', 'b')), ['stellar/a 1', 'stellar/b 1']);
    assert.deepEqual(await told(publishing, running('a', 'b', 'c')), ['stellar/c 2']);
  });
});
