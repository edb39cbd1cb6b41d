import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Snapshot, takeSnapshot } from '../../../page/snapshot.ts';
import { discover } from '../../../peers/discovery/discover.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { World } from '../../../peers/world.ts';
import { formatJournal, type JournalEntry } from '../../../reconciler/plan/journal/journal.ts';
import { withValidatorStates } from '../../../reconciler/plan/status/validator-state.ts';
import { LargeCluster } from '../../bench/large-cluster.ts';
import { DISCOVERY, NOW_MS, networkWorld, type Spec, setOf } from '../reconciler/group.ts';
import { node, worldWith } from '../world.ts';

interface Told {
  readonly reasons?: ReadonlyArray<readonly [string, Reason]>;
  readonly connections?: ReadonlyArray<
    readonly [string, { connected: number; expected: number; synced: boolean }]
  >;
}

function snapshotOf(world: World, { reasons = [], connections: pairs = [] }: Told = {}): Snapshot {
  const connections = new Map(pairs);
  const moment = { world, discovery: discover(world, DISCOVERY), nowMs: NOW_MS, connections };
  const found = withValidatorStates(moment, new Map(reasons.map(([key, why]) => [key, [why]])));
  return takeSnapshot({ ...moment, reasons: found, ownNamespace: 'stellar-peers' });
}

const onlyNetwork = ({ networks }: Snapshot) => networks[0] ?? assert.fail('no network');
const restart = (name: string, more: Partial<JournalEntry> = {}): JournalEntry => ({
  ...{ statefulSet: `stellar/${name}`, kind: 'bump', uids: ['x'], token: 't', drift: 'short', atMs: NOW_MS },
  ...more,
});
const journalOf = (specs: Record<string, Spec>, entries: readonly JournalEntry[]) => {
  const [group = ''] = discover(networkWorld(specs), DISCOVERY).groups.keys();
  return { [group]: formatJournal(entries, NOW_MS) };
};

describe('a snapshot for the status page', () => {
  it('says which validators are up, down, being restarted or without pods', () => {
    const specs: Record<string, Spec> = {
      a: {},
      b: { pod: { ready: false } },
      c: { pod: { ready: false } },
      d: { node: { spec: { suspended: true } }, pod: 'none' },
    };
    const world = networkWorld(specs, { journal: journalOf(specs, [restart('c')]) });
    const network = onlyNetwork(snapshotOf(world));
    assert.deepEqual(
      network.rows.map(({ name, state, ready }) => [name, state, ready]),
      [
        ['a', 'up', '1/1'],
        ['b', 'down', '0/1'],
        ['c', 'restarting', '0/1'],
        ['d', 'away', '0/1'],
      ],
    );
    assert.deepEqual([network.ready, network.down, network.suspended], [1, 2, 1]);
  });

  it('draws which validator knows which from the list that each pod started with', () => {
    const world = networkWorld({ a: { knows: ['b'] }, b: { knows: ['a', 'c'] }, c: { knows: [] } });
    const { rows, links } = onlyNetwork(snapshotOf(world));
    const nameAt = (place: number) => rows[place]?.name;
    assert.deepEqual(
      links?.map(([from, to]) => `${nameAt(from)} knows ${nameAt(to)}`),
      ['a knows b', 'b knows a', 'b knows c'],
    );
    assert.deepEqual(
      rows.map(({ knows, published }) => `${knows} of ${published}`),
      ['1 of 2', '2 of 2', '0 of 2'],
    );
  });

  it('shows the connections of a validator only if they are known', () => {
    const connection = { connected: 1, expected: 2, synced: false };
    const snapshot = snapshotOf(networkWorld({ a: {}, b: {}, c: {} }), {
      connections: [['stellar/a-0', connection]],
    });
    const [a, b] = onlyNetwork(snapshot).rows;
    assert.deepEqual([a?.connected, a?.synced], ['1/2', 'no']);
    assert.deepEqual([b?.connected, b?.synced], ['', '']);
  });

  it('shows each waiting validator, the reason, and what would help', () => {
    const snapshot = snapshotOf(networkWorld({ a: {} }), {
      reasons: [['stellar/a', reason('Paused', 'here')]],
    });
    const [first] = snapshot.waiting;
    assert.deepEqual(first?.keys, ['stellar/a']);
    assert.equal(first?.code, 'Paused');
    assert.match(first?.text ?? '', /\(here\)\.$/);
    assert.notEqual(first?.release, '');
    assert.equal(onlyNetwork(snapshot).rows[0]?.code, 'Paused');
  });

  it('shows the first reason of each validator, and counts the waiting validators', async () => {
    const { describe: spoken } = (await import('../../../page/client/picture.js' as string)) as {
      describe(row: unknown): string;
    };
    const reasons = (['b', 'c', 'd'] as const).map(
      (name) => [`stellar/${name}`, reason(name === 'd' ? 'OnRestart' : 'Paused')] as const,
    );
    const world = networkWorld({ a: {}, b: { pod: { ready: false } }, c: {}, d: {} });
    const { rows, waiting } = onlyNetwork(snapshotOf(world, { reasons }));
    assert.deepEqual(
      rows.map((row) => spoken(row).split('; ').at(-1)),
      ['started knowing 3 of 3 peers.', 'NotReady.', 'Paused.', 'OnRestart.'],
    );
    assert.equal(waiting, 2);
  });

  it('shows the quorum margin and the number of unadopted validators, as the command status does', () => {
    const withSet = { node: { spec: { validatorConfig: { quorumSet: setOf(['a', 'b', 'c'], 66) } } } };
    const world = networkWorld({ a: withSet, b: withSet, c: withSet });
    const found = onlyNetwork(snapshotOf(world, { reasons: [['stellar/a', reason('AwaitingAdoption')]] }));
    assert.deepEqual([found.quorumMargin, found.unadopted], [1, 1]);
    assert.equal(onlyNetwork(snapshotOf(networkWorld({ a: {}, b: {} }))).quorumMargin, null);
  });

  it('lists restarts from the journal, newest first, with the restarts under way', () => {
    const specs = { a: {}, b: {} };
    const done = restart('a', { atMs: NOW_MS - 60_000, outcome: 'done', endedAtMs: NOW_MS - 48_000 });
    const journal = journalOf(specs, [done, restart('b')]);
    const { restarts, totals } = snapshotOf(networkWorld(specs, { journal }));
    assert.deepEqual(
      restarts.map(({ key, outcome, atMs, endedAtMs }) => [key, outcome, atMs, endedAtMs]),
      [
        ['stellar/b', '', NOW_MS, undefined],
        ['stellar/a', 'done', NOW_MS - 60_000, NOW_MS - 48_000],
      ],
    );
    assert.equal(totals.restarts, 2);
  });

  it('shows that all restarts are paused', () => {
    const world = networkWorld({ a: {} }, { ownAnnotations: { 'stellar.org/peer-rollout': 'paused' } });
    assert.equal(snapshotOf(world).rollout, 'paused');
    assert.equal(snapshotOf(networkWorld({ a: {} })).rollout, '');
  });

  it('shortens texts that others wrote, and shows characters that change the writing direction as numbers', () => {
    const passphrase = `<img src=x onerror=alert(1)>\u202egnp.exe\n${'x'.repeat(5000)}`;
    const world = worldWith({
      nodes: [node('a', { spec: { network: 'custom', customNetworkPassphrase: passphrase } })],
    });
    const { title } = onlyNetwork(snapshotOf(world));
    assert.ok(title.startsWith('<img src=x onerror=alert(1)>\\u{202e}gnp.exe\\u{a}xxx'), title);
    assert.ok(title.length < 130);
  });

  it('shows of a thousand validators 200, with those that are down or wait, and the total', () => {
    const down = 'organisation-04/a-validator-0999-0';
    const large = new LargeCluster(1000).world();
    const pod = large.pods.get(down) ?? assert.fail(down);
    const world = { ...large, pods: new Map([...large.pods, [down, { ...pod, ready: false }]]) };
    const waits = 'organisation-03/a-validator-0700';
    const snapshot = snapshotOf(world, { reasons: [[waits, reason('Paused')]] });
    const network = onlyNetwork(snapshot);
    assert.equal(network.links, undefined, 'no picture');
    assert.equal(network.validators, 1000);
    assert.equal(network.rows.length, 200);
    const shown = network.rows.map(({ key }) => key);
    assert.ok(shown.includes(waits));
    assert.ok(shown.includes('organisation-04/a-validator-0999'));
    assert.ok(JSON.stringify(snapshot).length < 100_000);
  });

  it('shows of a thousand networks 200, with those in which a validator is down', () => {
    const nodes = Array.from({ length: 1000 }, (_, index) =>
      node(`n${index}`, {
        spec: {
          network: 'custom',
          customNetworkPassphrase: String(index),
          ...(index === 999 ? {} : { suspended: true }),
        },
      }),
    );
    const { networks, totals } = snapshotOf(worldWith({ nodes }));
    assert.equal(totals.networks, 1000);
    assert.equal(networks.length, 200);
    assert.ok(networks.some(({ title }) => title === '999'));
  });
});
