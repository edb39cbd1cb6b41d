/** What validators report of themselves: whether one more failure stops them, and whether they are synced after a restart. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import type { World } from '../../../peers/world.ts';
import { formatJournal, type JournalEntry, readJournal } from '../../../reconciler/plan/journal/journal.ts';
import type { CoreState } from '../../../reconciler/plan/signals/evidence.ts';
import {
  at,
  inputOf,
  JOINED,
  NOW_MS,
  networkWorld,
  type PlanOptions,
  planOf,
  restartOf,
  type Spec,
  withShown,
} from './group.ts';

const OWN = 'stellar-peers';
/** The World with these reports of pods about themselves. */
const after = (world: World, says: Readonly<Record<string, CoreState>>): World =>
  withShown(world, Object.fromEntries(Object.entries(says).map(([uid, state]) => [uid, { state }])));

const fragile: CoreState = { synced: true, failAt: 1, missing: 1 };

describe('a validator that reports that one more failure stops it', () => {
  const plan = (
    says: Readonly<Record<string, CoreState>>,
    change: Readonly<Record<string, Spec>> = {},
    settings: PlanOptions['settings'] = {},
  ) => planOf(after(networkWorld({ ...JOINED, ...change }), says), { settings });

  it('is not restarted, and neither is another validator of its namespace', () => {
    for (const pod of ['pod-a', 'pod-d']) {
      const { restart, holds, details } = plan({ [pod]: fragile });
      assert.deepEqual([restart, holds.a], [undefined, 'QuorumFragile'], pod);
      assert.match(details.a ?? '', /^stellar\/[ad]-0: fail_at 1$/);
    }
    assert.equal(plan({ 'pod-a': { synced: true, failAt: 0 } }).holds.a, 'QuorumFragile');
  });

  it('holds no restart if it only misses members, reports nothing, or tolerates two failures', () => {
    for (const state of [
      { synced: true, failAt: 2, missing: 3 },
      { synced: true, missing: 3 },
      { synced: false },
    ])
      assert.equal(plan({ 'pod-a': state }).restart, 'bump a');
  });

  it('holds no restart while it is not Ready, is marked uncounted, or does not answer any more', () => {
    const uncounted: Spec = { node: { annotations: { 'stellar.org/peer-budget': 'uncounted' } } };
    assert.equal(plan({ 'pod-d': fragile }, { d: uncounted }).restart, 'bump a');
    const down: Spec = { ...uncounted, pod: { ready: false } };
    assert.equal(plan({ 'pod-d': fragile }, { d: down }).restart, 'bump a');
    const told = after(networkWorld(JOINED), { 'pod-a': fragile });
    assert.equal(planOf(after(told, {})).restart, 'bump a');
  });

  it('holds no restart with QUORUM_CHECK=warn, which only reports it, nor with off', () => {
    const warned = plan({ 'pod-a': fragile }, {}, { quorumCheck: 'warn' });
    assert.deepEqual([warned.restart, warned.remarks], ['bump a', { a: 'QuorumFragile' }]);
    const off = plan({ 'pod-a': fragile }, {}, { quorumCheck: 'off' });
    assert.deepEqual([off.restart, off.remarks], ['bump a', {}]);
  });

  it('holds no restart in another namespace', () => {
    const world = networkWorld({ ...JOINED, a: { knows: ['b'] } });
    const nodes = new Map(world.nodes);
    const reading = nodes.get('stellar/d');
    assert.ok(reading?.kind === 'validator');
    const [key, namespace] = ['other/d', 'other'];
    nodes.delete('stellar/d');
    nodes.set(key, { kind: 'validator', validator: { ...reading.validator, key, namespace } });
    const [set, pod] = [world.statefulSets.get('stellar/d'), world.pods.get('stellar/d-0')];
    assert.ok(set && pod);
    const statefulSets = new Map(world.statefulSets).set(key, { ...set, key, namespace });
    const pods = new Map(world.pods).set('other/d-0', {
      ...pod,
      key: 'other/d-0',
      namespace,
      uid: 'foreign',
    });
    const moved = { ...world, nodes, statefulSets, pods };
    assert.equal(planOf(moved).restart, 'bump a');
    assert.equal(planOf(after(moved, { foreign: fragile })).restart, 'bump a');
    assert.equal(planOf(after(moved, { 'pod-b': fragile })).restart, undefined);
  });
});

describe('a restarted validator', () => {
  const entry = restartOf('a', {
    ...{ uids: ['former'], names: ['a-0'], after: ['pod-a'] },
    ...{ atMs: NOW_MS - 60_000, outcome: 'done', endedAtMs: NOW_MS - 30_000 },
  });
  const ABC: Readonly<Record<string, Spec>> = { ...JOINED, a: { pod: { readyAt: at(30) } } };
  const settings = { minReadyMs: 0 };
  /** The World after the restart, with these reports of pods about themselves. */
  const restarted = (
    says: Readonly<Record<string, CoreState>>,
    change: Partial<JournalEntry> = {},
  ): World => {
    const world = networkWorld(ABC);
    const data = { [inputOf(world).group.key]: formatJournal([{ ...entry, ...change }], NOW_MS) };
    const journal = readConfigMap({ metadata: { name: 'stellar-peers-restarts', namespace: OWN }, data });
    return { ...after(world, says), journal };
  };
  const plan = (world: World, options: PlanOptions = {}) => planOf(world, { settings, ...options });

  it('is back when its port reports that it is synced and has a peer; until then the next validator waits', () => {
    assert.equal(plan(restarted({ 'pod-a': { synced: true } })).restart, 'bump b');
    const behind = plan(restarted({ 'pod-a': { synced: false } }));
    assert.deepEqual(
      [behind.restart, behind.holds],
      [undefined, { a: 'NotSynced', b: 'NotSynced', c: 'NotSynced' }],
    );
    assert.equal(behind.details.b, 'stellar/a-0');
  });

  it('stays back after it was back once', () => {
    const back = restarted({ 'pod-a': { synced: true } });
    assert.equal(plan(after(back, { 'pod-a': { synced: false } })).restart, 'bump b');
  });

  it('is Stalled when that takes longer than PROGRESS_DEADLINE_SECONDS', () => {
    const behind = plan(restarted({ 'pod-a': { synced: false } }, { atMs: NOW_MS - 7_200_000 }));
    assert.deepEqual(behind.holds, { a: 'Stalled', b: 'Stalled', c: 'Stalled' });
    assert.match(behind.details.a ?? '', /its HTTP port does not say that it is synced$/);
  });

  it('is back when it is Ready if its port never answered, whatever other ports report', () => {
    assert.equal(plan(restarted({})).restart, 'bump b');
    assert.equal(plan(restarted({ 'pod-b': { synced: false } })).restart, 'bump b');
  });

  it('has one minute to answer if its port answered before', () => {
    const silent = restarted({}, { answered: true });
    assert.deepEqual([plan(silent).holds.b, plan(silent).recheckInMs], ['NotSynced', 30_000]);
    assert.equal(plan(silent, { nowMs: NOW_MS + 30_000 }).restart, 'bump b');
  });

  it('keeps no other validator waiting if it was down before, or was replaced since', () => {
    const says = { 'pod-a': { synced: false } };
    assert.equal(plan(restarted(says, { kind: 'delete' })).restart, 'bump b');
    assert.equal(plan(restarted(says, { after: ['another'] })).restart, 'bump b');
  });

  it('keeps no validator of another namespace waiting', () => {
    const world = restarted({ 'pod-a': { synced: false } });
    const nodes = new Map(world.nodes);
    const reading = nodes.get('stellar/a');
    const [set, pod] = [world.statefulSets.get('stellar/a'), world.pods.get('stellar/a-0')];
    const text = Object.entries(world.journal?.data ?? {});
    assert.ok(reading?.kind === 'validator' && set && pod && world.journal);
    const [key, namespace] = ['other/a', 'other'];
    nodes.delete('stellar/a');
    nodes.set(key, { kind: 'validator', validator: { ...reading.validator, key, namespace } });
    const statefulSets = new Map(world.statefulSets).set(key, { ...set, key, namespace });
    const pods = new Map(world.pods).set('other/a-0', { ...pod, key: 'other/a-0', namespace });
    const data = Object.fromEntries(text.map(([group, each]) => [group, each.replace('stellar/a', key)]));
    const moved = { ...world, nodes, statefulSets, pods, journal: { ...world.journal, data } };
    const { restart, holds } = plan(moved);
    assert.deepEqual([restart, holds['other/a']], ['bump b', 'NotSynced']);
  });

  it('is written to the journal with the fact whether its port answered', () => {
    const { journal } = restarted({}, { answered: true });
    const [read] = readJournal(journal, inputOf(networkWorld(JOINED)).group.key) ?? [];
    assert.equal(read?.answered, true);
  });
});
