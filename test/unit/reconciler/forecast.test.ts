/** What a rollout would do: the planner's own decisions, with each restart taken as gone well. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatJournal, type JournalEntry } from '../../../reconciler/plan/journal/journal.ts';
import { forecast } from '../../../reconciler/plan/restarts/forecast.ts';
import type { RolloutSettings } from '../../../reconciler/plan/restarts/rollout.ts';
import { parseWindows } from '../../../reconciler/plan/restarts/windows.ts';
import { inputOf, JOINED, NOW_MS, networkWorld, planOf, restartOf, type Spec } from './group.ts';

const MINUTE_MS = 60_000;

function forecastOf(
  specs: Readonly<Record<string, Spec>>,
  { settings = {}, entries = [] }: { settings?: Partial<RolloutSettings>; entries?: JournalEntry[] } = {},
) {
  const { group: key } = planOf(networkWorld(specs));
  const world = networkWorld(specs, { journal: { [key]: formatJournal(entries, NOW_MS) } });
  const { group, input } = inputOf(world, { settings });
  const { steps, holds } = forecast(group, input);
  return {
    steps: steps.map(({ node, kind, beginsInMs, endsInMs }) => [
      `${kind} ${node.replace('stellar/', '')}`,
      Math.floor(beginsInMs / MINUTE_MS),
      Math.floor(endsInMs / MINUTE_MS),
    ]),
    holds: Object.fromEntries([...holds].map(([node, { code }]) => [node.replace('stellar/', ''), code])),
  };
}

const open = (minutesAgo: number): JournalEntry => restartOf('a', { atMs: NOW_MS - minutesAgo * MINUTE_MS });

describe('a forecast', () => {
  it('is empty if no validator lacks a peer', () => {
    assert.deepEqual(forecastOf({ a: {}, b: {} }), { steps: [], holds: {} });
  });

  it('names each restart in its order, with the waits between them', () => {
    // Each takes ten minutes as is expected, and five must pass after it.
    assert.deepEqual(forecastOf(JOINED), {
      steps: [
        ['bump a', 0, 10],
        ['bump b', 15, 25],
        ['bump c', 30, 40],
      ],
      holds: {},
    });
  });

  it('continues from a restart under way, and takes durations from the journal', () => {
    const ended: JournalEntry = {
      ...open(200),
      token: 'before',
      outcome: 'done',
      endedAtMs: NOW_MS - 198 * MINUTE_MS,
    };
    const { steps } = forecastOf(JOINED, { entries: [ended, open(1)] });
    assert.deepEqual(steps, [
      ['bump b', 6, 8],
      ['bump c', 13, 15],
    ]);
  });

  it('goes on from a restart whose roll the StatefulSet controller has only begun, or not seen yet', () => {
    for (const status of [{ updateRevision: 'r2' }, { updateRevision: 'r2', observedGeneration: 0 }]) {
      const a = { ...JOINED.a, statefulSet: { status } };
      const { steps, holds } = forecastOf({ ...JOINED, a }, { entries: [open(1)] });
      assert.deepEqual([steps.map(([step]) => step), holds], [['bump b', 'bump c'], {}]);
    }
  });

  it('respects the hourly limit and the windows', () => {
    assert.deepEqual(
      forecastOf(JOINED, { settings: { maxRestartsPerHour: 2 } }).steps.map(([, begins]) => begins),
      [0, 15, 60],
    );
    const windows = parseWindows('daily 02:00-02:20');
    assert.ok(windows);
    const { steps } = forecastOf(JOINED, { settings: { windows } });
    assert.deepEqual(
      steps.map(([, begins]) => begins),
      [120, 120 + 24 * 60, 120 + 48 * 60],
    );
  });

  it('names validators that wait for more than time', () => {
    const paused: Spec = {
      knows: ['a', 'c'],
      node: { annotations: { 'stellar.org/peer-rollout': 'paused' } },
    };
    const found = forecastOf({ ...JOINED, b: paused });
    assert.deepEqual(
      found.steps.map(([what]) => what),
      ['bump a', 'bump c'],
    );
    assert.deepEqual(found.holds, { b: 'Paused' });
  });
});
