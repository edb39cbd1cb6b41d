/** Since when a validator's list has named each peer, however often the list changes. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { formatDigests, viewHash } from '../../../peers/hash.ts';
import { nodeKeys } from '../../../peers/names.ts';
import { ListedMemory } from '../../../reconciler/plan/restarts/listed-memory.ts';
import { node, worldWith } from '../world.ts';
import { digest } from './group.ts';

const MINUTE_MS = 60_000;

/** The World at a minute at which the list of `a` was published as it is; without a list if no peers are given. */
function worldAt(minute: number, peers?: readonly string[]) {
  const publishedAt = new Date(minute * MINUTE_MS).toISOString();
  const record = (names: readonly string[]) =>
    JSON.stringify({ hash: viewHash(names), peers: formatDigests(names.map(digest)), publishedAt });
  const data = peers ? { [nodeKeys('a').view]: record(peers) } : {};
  const metadata = { name: 'stellar-peers', namespace: 'stellar' };
  return worldWith({ nodes: [node('a')], configMaps: [{ metadata, data }] });
}

function seeing() {
  const memory = new ListedMemory();
  const minuteOf = (peer: string) => {
    const atMs = memory.sinceMs('stellar/a', [digest(peer)]);
    return Number.isFinite(atMs) ? atMs / MINUTE_MS : undefined;
  };
  return { memory, minuteOf };
}

it('a peer keeps its date while others come and go', () => {
  const { memory, minuteOf } = seeing();
  for (const [minute, peers] of [
    [10, ['b']],
    [30, ['b', 'x1']],
    [50, ['b', 'x2']],
  ] as const)
    memory.observe(worldAt(minute, peers));
  assert.deepEqual(['b', 'x1', 'x2'].map(minuteOf), [10, undefined, 50]);
  assert.equal(memory.sinceMs('stellar/a', ['x2', 'b', 'x1'].map(digest)), 10 * MINUTE_MS);
});

it('a peer that comes back has a new date', () => {
  const { memory, minuteOf } = seeing();
  memory.observe(worldAt(10, ['b', 'c']));
  memory.observe(worldAt(20, ['c']));
  memory.observe(worldAt(30, ['b', 'c']));
  assert.deepEqual(['b', 'c'].map(minuteOf), [30, 10]);
});

it('a list that is deleted, and published again, changes no date', () => {
  const { memory, minuteOf } = seeing();
  memory.observe(worldAt(10, ['b']));
  memory.observe(worldAt(20));
  assert.equal(minuteOf('b'), 10);
  memory.observe(worldAt(20, ['b']));
  assert.equal(minuteOf('b'), 10);
});

it('a validator that is gone is forgotten', () => {
  const { memory, minuteOf } = seeing();
  memory.observe(worldAt(10, ['b']));
  assert.equal(minuteOf('b'), 10);
  memory.observe({ ...worldAt(20, ['b']), nodes: new Map() });
  assert.equal(minuteOf('b'), undefined);
});
