/** ConfigMaps of any content: ours are corrected, those of others stay unchanged, and unreadable content is reported. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseAddress } from '../../../peers/discovery/address.ts';
import { discover } from '../../../peers/discovery/discover.ts';
import { readExternals } from '../../../peers/discovery/external.ts';
import { NETWORK_ID } from '../../../peers/discovery/network.ts';
import { fieldsOf, stringsOf } from '../../../peers/field.ts';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import { describeReason } from '../../../peers/reasons/reasons.ts';
import { publishedView } from '../../../peers/views/views.ts';
import type { ConfigMapFacts } from '../../../peers/world.ts';
import {
  formatJournal,
  type JournalEntry,
  openEntries,
  readJournal,
} from '../../../reconciler/plan/journal/journal.ts';
import { connectionsIn } from '../../../reconciler/plan/publish/overview.ts';
import { planPublish } from '../../../reconciler/plan/publish/publish.ts';
import { isUntouchedBump, outcomeOf } from '../../../reconciler/plan/restarts/outcome.ts';
import { planGroup } from '../../../reconciler/plan/restarts/rollout.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { ConfigMaps } from '../../../runtime/kube/resources.ts';
import { DISCOVERY, inputOf, NOW_MS, networkParts, networkWorld } from '../reconciler/group.ts';
import { OWN, Publishing, peersIn, running } from '../reconciler/publishing.ts';
import { processorTimeOf } from '../stand-ins/processor-time.ts';
import { worldWith } from '../world.ts';
import { fuzz, type Odd, oddOf, oddText } from './odd.ts';

const NETWORK = { a: {}, b: {}, c: { knows: ['a'] } };
const WORLD = networkWorld(NETWORK);
const PARTS = networkParts(NETWORK);
const { group: GROUP } = inputOf(WORLD);
const SETTINGS = { ownNamespace: OWN, maxPeers: 24 };

const heldFields = (keys: readonly string[]) => ({
  'f:data': Object.fromEntries(keys.map((key) => [`f:${key}`, {}])),
});

/** The views of these validators, as we have published them and others have added to them. */
function publishedMaps(): object[] {
  return (PARTS.configMaps ?? []).map((raw) => {
    const keys = Object.keys((raw.data ?? {}) as object);
    const managedFields = [
      { manager: 'stellar-peers', operation: 'Apply', fieldsV1: heldFields(keys) },
      { manager: 'gitops', operation: 'Apply', fieldsV1: heldFields(['notes', 'a.peers.txt']) },
    ];
    const annotations = { 'stellar.org/peer-rollout': 'paused' };
    return {
      ...raw,
      metadata: { ...raw.metadata, resourceVersion: '7', uid: 'u', annotations, managedFields },
    };
  });
}

const at = (minutesAgo: number): string => new Date(NOW_MS - minutesAgo * 60_000).toISOString();
const RESTARTS = {
  restarts: [
    {
      at: at(90),
      statefulSet: 'stellar/a',
      kind: 'bump',
      uids: ['x'],
      token: 't.1',
      drift: 'short',
      outcome: 'done',
      endedAt: at(80),
    },
    {
      at: at(50),
      statefulSet: 'stellar/b',
      kind: 'delete',
      uids: ['pod-b'],
      names: ['b-0'],
      token: 't.2',
      drift: 'isolated',
    },
  ],
};

const oddMap = oddOf(publishedMaps());
const keyed = (keys: readonly string[], text: fc.Arbitrary<string>): fc.Arbitrary<ConfigMapFacts> =>
  fc
    .dictionary(fc.oneof(fc.constantFrom(...keys), oddText), text)
    .map((data) => readConfigMap({ metadata: { name: 'any', namespace: OWN }, data }));

const json = (valid: object): fc.Arbitrary<string> =>
  fc.oneof(
    oddOf([valid], { shallow: true }).map(({ value }) => JSON.stringify(value)),
    oddText,
  );

/** Such ConfigMaps in place of those of the network, and of another's namespace. */
function worldWithMaps(odds: readonly Odd[]) {
  const namespaces = ['stellar', OWN, 'elsewhere'];
  const maps = odds.map(({ value }, index) => [namespaces[index] ?? '', readConfigMap(value)] as const);
  return { ...WORLD, configMaps: new Map([...WORLD.configMaps, ...maps]) };
}

describe('a ConfigMap of any content', () => {
  it('reads as texts, and as a view only if it is one', async (t) => {
    await fuzz(t, { values: oddMap }, ({ value }) => {
      const facts = readConfigMap(value);
      for (const text of [facts.version, facts.name, ...Object.values(facts.data)])
        assert.equal(typeof text, 'string');
      for (const key of [...facts.ownKeys, ...facts.foreignKeys]) assert.equal(typeof key, 'string');
      for (const { connected } of connectionsIn(facts).values()) assert.equal(typeof connected, 'number');
    });
    const views = fc.oneof(json({ hash: '0'.repeat(16), peers: 'v1:01234567', publishedAt: at(1) }), oddText);
    await fuzz(t, { values: keyed(['a.view.json'], views) }, (facts) => {
      const view = publishedView(facts, 'a');
      if (!view) return;
      assert.ok(Number.isFinite(view.publishedAtMs));
      for (const digest of view.digests) assert.match(digest, /^[0-9a-f]{8}$/);
    });
  });

  it('gets a plan that makes our keys right, whatever else the ConfigMap has', async (t) => {
    const expected = planPublish(
      worldWith({ ...PARTS, configMaps: [] }),
      discover(WORLD, DISCOVERY),
      SETTINGS,
      NOW_MS,
    );
    const wanted = expected.configMaps.find(({ namespace }) => namespace === 'stellar')?.data ?? {};
    await fuzz(t, { values: fc.array(oddMap, { minLength: 1, maxLength: 3 }) }, (odds) => {
      const world = worldWithMaps(odds);
      const plan = planPublish(world, discover(world, DISCOVERY), SETTINGS, NOW_MS);
      const write = plan.configMaps.find(({ namespace }) => namespace === 'stellar');
      const facts = world.configMaps.get('stellar');
      for (const [key, text] of Object.entries(wanted)) {
        if (facts?.foreignKeys.includes(key))
          assert.ok(plan.reports.has(`stellar/${key.split('.')[0]}`), key);
        else if (!key.endsWith('.json')) assert.equal(write?.data[key] ?? facts?.data[key], text);
      }
      for (const { data } of plan.configMaps)
        for (const text of Object.values(data)) assert.equal(typeof text, 'string');
      for (const why of plan.reports.values()) assert.ok(describeReason(why).length > 0);
    });
  });

  it('is corrected on the API server, and the keys of others stay', async (t) => {
    const contents = oddOf(
      [
        {
          data: { 'a.peers.txt': 'stranger\n', notes: 'mine' },
          binaryData: { x: 'AAAA', 'b.peers.txt': 'AAAA' },
        },
      ],
      { shallow: true },
    );
    await fuzz(t, { runs: 100, values: fc.array(contents, { minLength: 1, maxLength: 2 }) }, async (odds) => {
      const publishing = new Publishing();
      for (const [index, { value }] of odds.entries()) {
        const namespace = ['stellar', OWN][index] ?? '';
        const metadata = { name: 'stellar-peers', namespace };
        // The API server takes texts only.
        const texts = { data: stringsOf(value.data), binaryData: stringsOf(value.binaryData) };
        publishing.kube.seed(ConfigMaps, [{ ...value, ...texts, metadata } as KubeObject]);
      }
      const before = fieldsOf(publishing.kube.observe(peersIn('stellar')));
      const taken = Object.keys(fieldsOf(before.binaryData));
      const { 'a.peers.txt': _, ...others } = stringsOf(before.data);
      for (let pass = 0; pass < 4; pass += 1) {
        await publishing.pass(running('a', 'b', 'c'));
        publishing.clock.advance(5_000);
      }
      assert.deepEqual(await publishing.pending(running('a', 'b', 'c')), []);
      const now = publishing.data('stellar');
      if (!taken.includes('a.peers.txt')) assert.match(now['a.peers.txt'] ?? '', /^b-0\..*\nc-0\..*\n$/);
      for (const [key, text] of Object.entries(others)) assert.equal(now[key], text);
      await publishing.pass({});
      const isKept = publishing.kube.observe(peersIn('stellar')) !== undefined;
      assert.equal(isKept, taken.length > 0 || Object.keys(others).length > 0, 'kept for others, else gone');
    });
  });
});

describe('a journal of any content', () => {
  const journals = keyed([GROUP.key], json(RESTARTS));

  it('is read in full or not at all, and written back unchanged', async (t) => {
    await fuzz(t, { values: journals }, (facts) => {
      for (const group of [GROUP.key, ...Object.keys(facts.data)]) {
        const entries = readJournal(facts, group);
        if (!entries) continue;
        const data = { [GROUP.key]: formatJournal(entries, NOW_MS) };
        const again = readJournal({ ...facts, data }, GROUP.key);
        const kept = entries.filter(
          (entry: JournalEntry) => !entry.outcome || NOW_MS - entry.atMs < 24 * 3_600_000,
        );
        assert.deepEqual(again, kept);
      }
    });
  });

  it('stops its group if the journal is unreadable or has a restart under way', async (t) => {
    await fuzz(t, { values: journals }, (journal) => {
      const world = { ...WORLD, journal };
      const { input } = inputOf(world);
      const entries = readJournal(journal, GROUP.key);
      const plan = planGroup(GROUP, input);
      if (!entries || openEntries(entries).length > 0) assert.equal(plan.restart, undefined);
      for (const why of plan.holds.values()) assert.ok(describeReason(why).length > 0);
      for (const entry of entries ?? []) {
        outcomeOf(entry, world, { seenForMs: 60_000, watched: false });
        // Nothing that a person wrote makes us write to a template that we did not bump ourselves.
        assert.ok(!isUntouchedBump(entry, world));
      }
    });
  });
});

describe('a list of outside peers of any content', () => {
  const LINES = [
    'core.example.org:11625',
    '127.0.0.1',
    'core.example.org:99999',
    '# none',
    'a b',
    '::1',
    ' ',
  ];
  const line = fc.oneof(fc.constantFrom(...LINES), oddText);
  const text = fc.array(line, { maxLength: 130 }).map((lines) => lines.join('\n'));

  it('gives addresses that stellar-core accepts, and names the first address that it does not accept', async (t) => {
    await fuzz(t, { values: keyed(['testnet', 'mainnet', 'custom-0123456789abcdef'], text) }, (facts) => {
      const { byNetwork, problem } = readExternals(facts);
      for (const [network, addresses] of byNetwork) {
        assert.match(network, NETWORK_ID);
        assert.ok(addresses.length <= 100);
        for (const address of addresses) assert.equal(parseAddress(address), address);
      }
      if (problem) assert.ok(describeReason(problem).length < 1_000, describeReason(problem));
    });
  });

  it('is read in little time, however large it is', async () => {
    const data = { testnet: 'x y\n'.repeat(250_000), mainnet: `${'a.'.repeat(500_000)}:1` };
    const { value, processorMs } = await processorTimeOf(() =>
      readExternals(readConfigMap({ metadata: {}, data })),
    );
    assert.ok(value.problem);
    assert.ok(processorMs < 2_000, `${processorMs} ms`);
  });
});
