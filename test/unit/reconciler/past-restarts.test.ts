/** What the journal says against restarting a validator again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import { reason } from '../../../peers/reasons/reasons.ts';
import { formatJournal, type JournalEntry } from '../../../reconciler/plan/journal/journal.ts';
import { withEntries } from '../../../reconciler/plan/journal/journal-room.ts';
import { NO_SETBACKS, type SetbackLookup } from '../../../reconciler/plan/restarts/setbacks.ts';
import { NOW_MS, networkWorld, planOf, restartOf, type Spec, at as timeAt } from './group.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SHORT: Readonly<Record<string, Spec>> = { a: { knows: ['b', 'c'] }, b: {}, c: {}, d: {} };
const BARE: Readonly<Record<string, Spec>> = {
  ...{ a: { pod: { injected: false, annotations: {}, createdAt: timeAt(1_000) } }, b: {} },
  c: { knows: ['a', 'b'] },
  d: {},
};
const PLAN = planOf(networkWorld(SHORT));
const [HASH = ''] = PLAN.token?.split('.') ?? [];

const entry = (hoursAgo: number, more: Partial<JournalEntry> = {}): JournalEntry => {
  const atMs = NOW_MS - hoursAgo * HOUR_MS;
  const pod = { uids: ['former'], names: ['a-0'], after: ['pod-a'] };
  const ended = { atMs, outcome: 'done', endedAtMs: atMs } as const;
  return restartOf('a', { ...pod, token: `${HASH}.${hoursAgo}`, ...ended, ...more });
};
const planned = (entries: readonly JournalEntry[], specs = SHORT, setbacks: SetbackLookup = NO_SETBACKS) =>
  planOf(networkWorld(specs, { journal: { [PLAN.group]: formatJournal(entries, NOW_MS) } }), { setbacks });
const codeOf = (entries: readonly JournalEntry[], specs = SHORT) => {
  const plan = planned(entries, specs);
  return plan.restart === 'bump a' ? plan.restart : plan.holds.a;
};

describe('a validator that was restarted twice within a day for the same lack', () => {
  it('is left alone until the first of them is a day old', () => {
    const plan = planned([entry(20), entry(3)]);
    assert.deepEqual([plan.restart, plan.holds.a], [undefined, 'RestartedInVain']);
    assert.equal(plan.recheckInMs, 4 * HOUR_MS);
    assert.equal(codeOf([entry(25), entry(3)]), 'bump a');
  });

  it('may be restarted for another lack, or where a restart did not happen', () => {
    assert.equal(codeOf([entry(20, { token: 'other.1' }), entry(3)]), 'bump a');
    assert.equal(codeOf([entry(20), entry(3, { outcome: 'defused' })]), 'bump a');
    assert.equal(codeOf([entry(20), entry(3, { drift: 'notInjected' })]), 'bump a');
    assert.equal(codeOf([entry(20), entry(3, { names: ['a-1'] })]), 'bump a', 'another pod of it');
  });

  it('is left alone whatever replaced its pod in between', () => {
    const { after: _, ...older } = entry(3);
    for (const last of [entry(3, { after: ['the one before'] }), older])
      assert.equal(codeOf([entry(20), last]), 'RestartedInVain');
    const others = [4, 5, 6].map((hours) => entry(hours, { token: `other.${hours}`, after: ['another'] }));
    assert.equal(codeOf([entry(20), ...others, entry(3, { after: ['another'] })]), 'RestartedInVain');
  });

  it('is left alone however many other restarts the journal has had since', () => {
    const others = Array.from({ length: 60 }, (_, index) =>
      entry(20 - index * 0.3, { token: `other${index}.1` }),
    );
    const empty = readConfigMap({ metadata: { name: 'journal' }, data: {} });
    for (const [outcome, specs] of [
      ['done', SHORT],
      ['unwitnessed', BARE],
    ] as const) {
      const entries = [entry(22, { outcome }), entry(21, { outcome }), ...others];
      const journal = withEntries(empty, PLAN.group, entries, NOW_MS);
      assert.equal(planOf(networkWorld(specs, { journal })).holds.a, 'RestartedInVain');
    }
  });

  it('may be restarted once its StatefulSet was made anew', () => {
    assert.equal(codeOf([entry(20), entry(10), entry(3, { outcome: 'gone' })]), 'bump a');
  });

  it('keeps no other of its group waiting', () => {
    const plan = planned([entry(20), entry(3)], { ...SHORT, b: { knows: ['a', 'c'] } });
    assert.equal(plan.restart, 'bump b');
  });
});

describe('two restarts of one StatefulSet that no leader has seen through', () => {
  const unseen = (hoursAgo: number, more: Partial<JournalEntry> = {}) =>
    entry(hoursAgo, { outcome: 'unwitnessed', ...more });

  it('stop it, and its group, while its pod is bare', () => {
    const plan = planned([unseen(20), unseen(3, { drift: 'notInjected' })], BARE);
    assert.deepEqual(plan.holds, { a: 'RestartedInVain', c: 'NotInjected' });
    assert.equal(planned([unseen(3)], BARE).restart, 'bump a', 'one does not');
  });

  it('stop it no longer once another than we has replaced the pod', () => {
    const two = (last: Partial<JournalEntry>) => [unseen(20), unseen(3, { drift: 'notInjected', ...last })];
    assert.equal(codeOf(two({}), BARE), 'RestartedInVain');
    assert.notEqual(codeOf(two({ after: ['the one before'] }), BARE), 'RestartedInVain');
  });

  it('do not stop their group for another pod, which is bare for another reason', () => {
    const { restart, holds } = planned([unseen(20, { after: ['p1'] }), unseen(3, { after: ['p2'] })], BARE);
    assert.deepEqual([restart, holds], ['bump a', { c: 'Queued' }]);
  });

  it('stop nothing once its pod is injected', () => {
    const again = [unseen(20, { token: 'x.1' }), unseen(3, { drift: 'notInjected' })];
    assert.equal(codeOf(again), 'bump a');
  });
});

describe('a restart that did not stay', () => {
  const reverted = (minutesAgo: number) => entry(minutesAgo / 60, { outcome: 'void' });

  it('is tried again after 1, 2, 4 … 30 minutes, under any leader', () => {
    for (const [count, minutes] of [
      [1, 1],
      [2, 2],
      [3, 4],
      [6, 30],
      [9, 30],
    ] as const) {
      const past = Array.from({ length: count }, (_, index) => reverted((count - index - 1) * 40));
      const plan = planned(past);
      assert.equal(plan.holds.a, 'RestartReverted');
      assert.equal(plan.recheckInMs, minutes * MINUTE_MS);
    }
    assert.equal(codeOf([reverted(3), reverted(2)]), 'bump a');
    assert.equal(codeOf([reverted(1), entry(0.5)]), 'bump a', 'the last one stayed');
  });

  it('and whose next try was refused waits for whichever takes longer', () => {
    const refused = (dueInMs: number): SetbackLookup => ({
      of: () => ({ reason: reason('RefusedByPolicy'), dueInMs }),
      ofAll: () => undefined,
      ofUndo: () => undefined,
    });
    const later = planned([reverted(3)], SHORT, refused(2 * MINUTE_MS));
    assert.deepEqual([later.holds.a, later.recheckInMs], ['RefusedByPolicy', 2 * MINUTE_MS]);
    const sooner = planned([reverted(0)], SHORT, refused(1_000));
    assert.deepEqual([sooner.holds.a, sooner.recheckInMs], ['RestartReverted', MINUTE_MS]);
  });

  it('is no reason any more once that time is over: what it waits for then is told', () => {
    const down = { ...SHORT, b: { pod: { ready: false } } };
    assert.equal(planned([reverted(0.5)], down).holds.a, 'RestartReverted');
    assert.equal(planned([reverted(3)], down).holds.a, 'WaitingForUnavailable');
  });
});

describe('a StatefulSet that its controller has not got to', () => {
  const unnoticed = { ...SHORT, a: { ...SHORT.a, statefulSet: { status: { observedGeneration: 0 } } } };
  const rolled = { currentRevision: 'r1', updateRevision: 'r2', currentReplicas: 0, updatedReplicas: 1 };
  // The fixtures' StatefulSets are of generation 1.
  const takenBack = (minutesAgo: number, why: string, generation: number | undefined = 1) =>
    entry(minutesAgo / 60, { outcome: 'defused', why, ...(generation !== undefined && { generation }) });

  it('is not told as changed by others where we took a restart back', () => {
    assert.equal(codeOf([takenBack(0.5, 'Paused')], unnoticed), 'RestartTakenBack');
    assert.equal(codeOf([takenBack(2, 'Paused')], unnoticed), 'ControllerAway');
    assert.equal(codeOf([takenBack(300, 'ControllerAway')], unnoticed), 'ControllerAway');
  });

  it('is told as changed by others where they changed it', () => {
    const others = { ...SHORT, a: { ...SHORT.a, statefulSet: { status: rolled } } };
    assert.equal(codeOf([takenBack(300, 'ControllerAway')], others), 'Unsettled');
    assert.equal(codeOf([entry(5, { token: 'other.1' })], unnoticed), 'Unsettled');
  });

  it('is told as changed by others once the controller has noticed what we took back, however it ended', () => {
    for (const why of ['Paused', 'ControllerAway']) {
      assert.equal(codeOf([takenBack(300, why, 0)], unnoticed), 'Unsettled');
      assert.equal(codeOf([takenBack(300, why, 1)], unnoticed), 'ControllerAway');
    }
  });

  it('is told as changed by others, a minute later, where the journal does not say which change was ours', () => {
    const of = (minutesAgo: number) => {
      const { generation: _, ...old } = takenBack(minutesAgo, 'Paused');
      return codeOf([old], unnoticed);
    };
    assert.deepEqual([of(0.5), of(300)], ['RestartTakenBack', 'Unsettled']);
  });
});
