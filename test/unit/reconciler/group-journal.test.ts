/** Journal entries of a validator count, whichever group's key they were written under. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatJournal, type JournalEntry } from '../../../reconciler/plan/journal/journal.ts';
import { forecast } from '../../../reconciler/plan/restarts/forecast.ts';
import { takeBackWhy } from '../../../reconciler/plan/restarts/take-back.ts';
import { statefulSet, worldWith } from '../world.ts';
import { inputOf, JOINED, NOW_MS, networkParts, networkWorld, planOf } from './group.ts';

const HOUR_MS = 3_600_000;
const PLAN = planOf(networkWorld(JOINED));
const [HASH = ''] = PLAN.token?.split('.') ?? [];
const FORMER = 'the-key-before';

const entry = (hoursAgo: number, more: Partial<JournalEntry> = {}): JournalEntry => ({
  ...{ statefulSet: 'stellar/a', kind: 'bump', uids: ['former'], names: ['a-0'], drift: 'short' },
  ...{ token: `${HASH}.${hoursAgo}`, atMs: NOW_MS - hoursAgo * HOUR_MS, after: ['pod-a'] },
  ...{ outcome: 'done', endedAtMs: NOW_MS - hoursAgo * HOUR_MS + 60_000 },
  ...more,
});
const open = (more: Partial<JournalEntry> = {}): JournalEntry => {
  const { outcome: _, endedAtMs: __, after: ___, ...rest } = entry(0.1, more);
  return rest;
};
const worldAfter = (entries: readonly JournalEntry[], specs = JOINED) =>
  networkWorld(specs, { journal: { [FORMER]: formatJournal(entries, NOW_MS) } });
const planAfter = (entries: readonly JournalEntry[], specs = JOINED) => planOf(worldAfter(entries, specs));

describe('a group whose key is another since its restarts were written down', () => {
  it('waits for what is under way', () => {
    const plan = planAfter([open()]);
    assert.deepEqual(
      [plan.restart, plan.holds],
      [undefined, { a: 'InFlight', b: 'InFlight', c: 'InFlight' }],
    );
  });

  it('has had the restarts of the hour', () => {
    const past = Array.from({ length: 12 }, (_, index) => entry(0.5, { token: `other.${index}` }));
    assert.equal(planAfter(past).holds.b, 'HourlyLimit');
  });

  it('has had two restarts of one validator for the same lack', () => {
    const plan = planAfter([entry(20), entry(3)]);
    assert.deepEqual([plan.restart, plan.holds.a], ['bump b', 'RestartedInVain']);
  });

  it('is stopped by a pod that a restart of ours left bare', () => {
    const bare = { ...JOINED, a: { pod: { injected: false } } };
    const left = entry(3, { outcome: 'notInjected', after: ['pod-a'] });
    assert.equal(planAfter([left], bare).holds.a, 'NotInjected');
  });

  it('is not held by restarts of others that are written there', () => {
    const others = planAfter([open({ statefulSet: 'other/x' })]);
    assert.equal(others.restart, 'bump a');
  });

  it('takes nothing back for the key alone', () => {
    const token = `${HASH}.1`;
    const parts = networkParts(JOINED);
    const set = statefulSet('a', { annotations: { 'stellar.org/peer-restart': token } });
    const others = (parts.statefulSets ?? []).filter(({ metadata }) => metadata.name !== 'a');
    const world = worldWith({ ...parts, statefulSets: [set, ...others] });
    const untouched = { group: FORMER, entry: open({ uids: ['pod-a'], token, atMs: NOW_MS }) };
    assert.equal(takeBackWhy(untouched, inputOf(world).input, 1_000), undefined);
  });

  it('is stopped by a key that cannot be read and may hide what is under way', () => {
    const cut = formatJournal([open({ statefulSet: 'stellar/b' })], NOW_MS).slice(0, -5);
    for (const [key, text] of [
      [FORMER, cut],
      [`stellar.${PLAN.group}`, '{'],
      [`elsewhere.${PLAN.group}`, '{'],
    ] as const) {
      const plan = planOf(networkWorld(JOINED, { journal: { [key]: text } }));
      assert.deepEqual([plan.restart, plan.holds.a, plan.details.a], [undefined, 'JournalUnreadable', key]);
    }
  });

  it('is not stopped by what cannot be read and concerns others', () => {
    const cut = formatJournal([open({ statefulSet: 'other/x' })], NOW_MS).slice(0, -5);
    const nearly = cut.replace('other/x', 'a-stellar/b');
    const journal = { [FORMER]: cut, nearly, note: 'hands off', salt: 'a'.repeat(32) };
    assert.equal(planOf(networkWorld(JOINED, { journal })).restart, 'bump a');
  });

  it('is forecast as it goes on: what is under way ends', () => {
    const { group, input } = inputOf(worldAfter([open({ token: 'other.1' })]));
    const { steps } = forecast(group, input);
    assert.deepEqual(steps.map(({ node }) => node).sort(), ['stellar/b', 'stellar/c']);
  });
});
