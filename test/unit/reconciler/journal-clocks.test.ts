/** Times in the journal that a wrong clock wrote, and a clock that is wrong for a while. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JournalStore } from '../../../reconciler/apply/journal-store.ts';
import { formatJournal, type JournalEntry } from '../../../reconciler/plan/journal/journal.ts';
import { ServerTime } from '../../../runtime/kube/server-time.ts';
import { NOW_MS, networkWorld, planOf } from './group.ts';
import { JOINED, Restarting } from './restarting.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const { group: GROUP, token: TOKEN = '' } = planOf(networkWorld(JOINED));
const [HASH = ''] = TOKEN.split('.');

const entry = (atMs: number, more: Partial<JournalEntry> = {}): JournalEntry => ({
  ...{ statefulSet: 'stellar/a', kind: 'bump', uids: ['former'], names: ['a-0'], drift: 'short' },
  ...{ token: `other.${atMs}`, atMs, outcome: 'done', endedAtMs: atMs, after: ['pod-a'] },
  ...more,
});
const many = (count: number, atMs: number) =>
  Array.from({ length: count }, (_, index) => entry(atMs + index, { statefulSet: `stellar/${index}` }));
const journalOf = (entries: readonly JournalEntry[]) => ({
  journal: { [GROUP]: formatJournal(entries, NOW_MS) },
});
const times = (stage: Restarting) => stage.entries().map(({ atMs }) => atMs);

describe('a journal whose times are far ahead', () => {
  it('keeps waiting for no longer than usual', () => {
    for (const aheadMs of [0, 2 * HOUR_MS, 400 * DAY_MS]) {
      const limited = planOf(networkWorld(JOINED, journalOf(many(12, NOW_MS + aheadMs))));
      assert.deepEqual([limited.holds.a, limited.recheckInMs], ['HourlyLimit', HOUR_MS], `${aheadMs} ms`);
    }
    const again = { token: `${HASH}.1` };
    const twice = [entry(NOW_MS + 400 * DAY_MS, again), entry(NOW_MS + 401 * DAY_MS, again)];
    const plan = planOf(networkWorld({ ...JOINED, b: {}, c: {} }, journalOf(twice)));
    assert.deepEqual([plan.holds.a, plan.recheckInMs], ['RestartedInVain', DAY_MS]);
  });

  it('is put right, so that the usual waits end', async () => {
    const stage = new Restarting(JOINED, journalOf(many(12, NOW_MS + 400 * DAY_MS)));
    const lane = stage.lane();
    await stage.offer(lane);
    assert.deepEqual(times(stage), Array(12).fill(NOW_MS));
    stage.clock.advance(HOUR_MS);
    await stage.offer(lane);
    assert.deepEqual(Object.keys(stage.tokens()), ['a']);
  });

  it('is left as it is where clocks are seconds apart', async () => {
    const stage = new Restarting(JOINED, journalOf(many(12, NOW_MS + 30_000)));
    await stage.offer(stage.lane());
    assert.equal(times(stage)[0], NOW_MS + 30_000);
  });
});

describe('a clock that is wrong for a while', () => {
  for (const hours of [25, -25]) {
    it(`and jumps by ${hours} h loses nothing of the journal`, async () => {
      const past = many(3, NOW_MS - HOUR_MS);
      const stage = new Restarting(JOINED, journalOf(past));
      const server = new ServerTime(stage.clock);
      const { kube } = stage;
      const store = new JournalStore({ kube, clock: server.clock, namespace: 'stellar-peers' });
      const touch = async (atMs: number) => {
        const written = entry(atMs, { outcome: undefined as never });
        await store.open(GROUP, written, undefined);
        await store.withdraw(GROUP, written);
      };
      await touch(NOW_MS);
      stage.clock.advance(60_000);
      server.note(stage.clock.nowMs() + hours * HOUR_MS, 0);
      await touch(server.clock.nowMs());
      stage.clock.advance(60_000);
      server.note(stage.clock.nowMs(), 0);
      await touch(server.clock.nowMs());
      assert.deepEqual(
        times(stage),
        past.map(({ atMs }) => atMs),
      );
    });
  }

  it('and stays as it is after that is believed: the journal does not fill', async () => {
    const stage = new Restarting(JOINED, journalOf(many(3, NOW_MS - HOUR_MS)));
    const open = entry(NOW_MS + 1, { outcome: undefined as never });
    await stage.journal.open(GROUP, open, undefined);
    stage.clock.advance(25 * HOUR_MS);
    await stage.journal.withdraw(GROUP, open);
    assert.deepEqual(times(stage), []);
  });
});
