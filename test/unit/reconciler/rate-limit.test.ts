/** How fast restarts follow: windows, the hourly limit, the age of pods, quiet time, and restarts that take too long. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatJournal, type JournalEntry } from '../../../reconciler/plan/journal/journal.ts';
import { parseWindows } from '../../../reconciler/plan/restarts/windows.ts';
import { at, JOINED, NOW_MS, networkWorld, planOf, restartOf, type Spec } from './group.ts';

const MINUTE_MS = 60_000;
const LONELY: Readonly<Record<string, Spec>> = {
  a: { knows: [], pod: { ready: false } },
  b: {},
};
const { group: GROUP } = planOf(networkWorld(JOINED));

const entry = (minutesAgo: number, more: Partial<JournalEntry> = {}): JournalEntry => {
  const atMs = NOW_MS - minutesAgo * MINUTE_MS;
  const ended = { atMs, outcome: 'done', endedAtMs: atMs + MINUTE_MS } as const;
  return restartOf('c', { uids: ['x'], token: `t${minutesAgo}`, ...ended, ...more });
};
const withJournal = (entries: readonly JournalEntry[], specs = JOINED) =>
  networkWorld(specs, { journal: { [GROUP]: formatJournal(entries, NOW_MS) } });
const open = (minutesAgo: number): JournalEntry => {
  const { outcome: _, endedAtMs: __, ...rest } = entry(minutesAgo);
  return rest;
};
const windows = (text: string) => {
  const parsed = parseWindows(text);
  assert.ok(parsed, text);
  return { windows: parsed };
};

describe('MAX_RESTARTS_PER_HOUR', () => {
  const settings = { maxRestartsPerHour: 3 };

  it('holds the group after that many restarts within an hour, and says when to look again', () => {
    const plan = planOf(withJournal([entry(50), entry(30), entry(20)]), { settings });
    assert.deepEqual([plan.restart, plan.holds.a], [undefined, 'HourlyLimit']);
    assert.equal(plan.recheckInMs, 10 * MINUTE_MS);
  });

  it('does not count restarts that are older than an hour or were taken back', () => {
    const others = [entry(61), entry(20, { outcome: 'defused' })];
    assert.equal(planOf(withJournal([...others, entry(11), entry(10)]), { settings }).restart, 'bump a');
  });

  it('counts restarts whose write was not carried out', () => {
    const others = [entry(50, { outcome: 'void' }), entry(30, { outcome: 'void' })];
    const plan = planOf(withJournal([...others, entry(10)]), { settings });
    assert.deepEqual(
      [plan.holds.a, plan.details.a],
      ['HourlyLimit', '3 in the last hour, 2 of them not carried out'],
    );
  });

  it('counts restarts that a leader with a clock ahead wrote', () => {
    assert.equal(planOf(withJournal([entry(-5), entry(30), entry(20)]), { settings }).restart, undefined);
  });

  it('holds deletes of pods that are not Ready too', () => {
    const world = withJournal([entry(50), entry(30), entry(20)], LONELY);
    assert.equal(planOf(world, { settings }).holds.a, 'HourlyLimit');
    assert.equal(planOf(world, { settings: { maxRestartsPerHour: 4 } }).restart, 'delete a');
  });
});

describe('ROLLOUT_WINDOWS', () => {
  // NOW_MS is a Monday, 00:00 UTC.
  it('hold every restart while no window is open, and say when the next window opens', () => {
    for (const specs of [JOINED, LONELY]) {
      const plan = planOf(networkWorld(specs), { settings: windows('daily 01:00-03:00') });
      assert.deepEqual([plan.restart, plan.holds.a], [undefined, 'OutsideWindow']);
      assert.equal(plan.details.a, 'the next opens at 2026-06-01T01:00:00.000Z');
      assert.equal(plan.recheckInMs, 60 * MINUTE_MS);
    }
  });

  it('let a restart begin only if the restart can end before the window closes', () => {
    const fits = (text: string, entries: readonly JournalEntry[] = []) =>
      planOf(withJournal(entries), { settings: windows(text) }).restart === 'bump a';
    assert.ok(fits('Mon 00:00-01:00'));
    assert.ok(fits('Mon 00:00-00:10'), 'as long as is expected');
    assert.ok(!fits('Mon 00:00-00:09'));
    // A restart that took 40 minutes today may take as long again.
    const slow = [entry(600, { endedAtMs: NOW_MS - 560 * MINUTE_MS })];
    assert.ok(!fits('Mon 00:00-00:39', slow));
    assert.ok(fits('Mon 00:00-00:40', slow));
    assert.ok(fits('Mon 00:00-00:09', [entry(600)]), 'what was quick today is taken to be quick again');
  });
});

describe('MIN_RESTART_INTERVAL_SECONDS', () => {
  it('holds a validator whose pod is younger, and says for how long', () => {
    const plan = planOf(
      networkWorld({ ...JOINED, a: { knows: ['b', 'c'], pod: { createdAt: at(500), readyAt: at(400) } } }),
      { settings: { minReadyMs: 0 } },
    );
    assert.equal(plan.holds.a, 'RestartedRecently');
    assert.equal(plan.restart, 'bump b');
    assert.equal(plan.recheckInMs, 100_000);
  });
});

describe('changes of the membership', () => {
  it('delay restarts until the membership has been quiet, but no longer than STABILIZATION_MAX_SECONDS', () => {
    const planned = (quietMs: number, changingMs: number) =>
      planOf(networkWorld(JOINED), { quietMs, changingMs });
    assert.equal(planned(10_000, 0).holds.a, 'Stabilizing');
    assert.equal(planned(10_000, 589_000).recheckInMs, 1_000);
    assert.equal(planned(10_000, 590_000).restart, 'bump a');
    assert.equal(planned(30_000, 0).restart, 'bump a');
  });
});

describe('a restart that is not over', () => {
  it('keeps its group waiting, and is Stalled after PROGRESS_DEADLINE_SECONDS, also for its own validator', () => {
    const early = planOf(withJournal([open(59)]));
    assert.deepEqual(early.holds, { a: 'InFlight', b: 'InFlight', c: 'InFlight' });
    assert.equal(early.recheckInMs, MINUTE_MS);
    const late = planOf(withJournal([open(61)], { a: { knows: ['b', 'c'] }, b: {}, c: {}, d: {} }));
    assert.deepEqual(late.holds, { a: 'Stalled', c: 'Stalled' });
    assert.match(late.details.a ?? '', /stellar\/c, since 2026-05-31T22:59:00.000Z/);
    assert.equal(late.restart, undefined);
  });

  it('is reported as Stalled even if no other validator waits for it', () => {
    assert.deepEqual(planOf(withJournal([open(61)], { a: {}, b: {}, c: {} })).holds, { c: 'Stalled' });
    assert.equal(planOf(withJournal([open(10)], { a: {}, b: {}, c: {} })).recheckInMs, 50 * MINUTE_MS);
  });

  it('is reported on its own validator as our restart, not as a roll by others', () => {
    const rolling: Spec = { knows: ['a', 'b'], statefulSet: { status: { updateRevision: 'r2' } } };
    assert.equal(planOf(withJournal([open(5)], { ...JOINED, c: rolling })).holds.c, 'InFlight');
    assert.equal(planOf(networkWorld({ ...JOINED, c: rolling })).holds.c, 'Unsettled');
  });

  it('lets the group go on once the restart is over', () => {
    assert.equal(planOf(withJournal([entry(61)])).restart, 'bump a');
  });
});
