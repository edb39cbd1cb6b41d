/** Small fixed histories, with situations that random plans did not contain at first. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Hindrance } from './hindrances.ts';
import type { Action } from './plan.ts';
import { FOURTH_JOINS, played, type Story } from './small-plan.ts';

const MINUTE_MS = 60_000;
const SECOND = [1_000, 1_000, 1_000, 1_000];
const CALM_AT_MS = 5 * MINUTE_MS;
const early = (hindrance: Hindrance): Action => ({ atMs: 60_000, ...hindrance });

const told = (story: Partial<Story>) => played({ calmAtMs: CALM_AT_MS, ...story });

describe('a restart of one validator that is refused or reverted', () => {
  for (const [how, what] of [
    ['deny', 'an admission policy denies it'],
    ['forbid', 'a webhook forbids it'],
    ['strip', 'a webhook removes the annotation from it'],
    ['revert', 'a controller reverts it'],
  ] as const) {
    it(`does not prevent the restarts of other validators in its group if ${what}`, async () => {
      const refuse = early({ do: 'refuse', how, namespace: 'north', name: 'v0', revertMs: 0, ms: null });
      const namespaces = ['north', 'south', 'south', 'south'];
      const { restarts } = await told({ namespaces, actions: [refuse, FOURTH_JOINS] });
      assert.ok(restarts.bump >= 2);
    });
  }

  it('does not stall its group once the StatefulSet has changed, even if the fence of that restart is refused too', async () => {
    const { held } = await told({
      actions: [
        { ...FOURTH_JOINS, atMs: 60_000 },
        { atMs: 60_001, do: 'killAtRequest', replica: 0, verb: 'patch' },
        { atMs: 60_001, do: 'killAtRequest', replica: 1, verb: 'patch' },
        { atMs: 60_002, do: 'refuse', how: 'deny', namespace: 'north', revertMs: 0, ms: null },
        { atMs: 120_000, do: 'noise', ms: 2.5 * MINUTE_MS },
      ],
      settings: { PROGRESS_DEADLINE_SECONDS: '90' },
      // Only the first replica dies at its write.
      calmAtMs: 150_000,
    });
    assert.deepEqual(held, { RefusedByPolicy: 3 });
  });
});

describe('the journal', () => {
  it('forgets groups that are gone, so that entries of such groups never fill it', async () => {
    const fill = early({ do: 'fillJournal', bytes: 1024 * 1024 - 200, ageHours: 30 });
    const { restarts, held } = await told({ actions: [fill, FOURTH_JOINS] });
    assert.equal(restarts.bump, 3);
    assert.deepEqual(held, {});
  });

  it('is reported as full when it is full', async () => {
    const fill = early({ do: 'fillJournal', bytes: 1024 * 1024 - 200, ageHours: 1 });
    await told({ actions: [fill, FOURTH_JOINS] });
  });
});

describe('a bump that the StatefulSet controller does not act on', () => {
  for (const meanwhile of ['nothing', 'pause', 'down', 'optOut', 'partition'] as const) {
    it(`takes no pod down minutes later, with ${meanwhile} in between`, async () => {
      const rest = early({
        ...{ do: 'controllerRestsAtBump', ms: 2 * MINUTE_MS, meanwhile, meanwhileMs: 10_000 },
      });
      await told({ percent: 67, settings: { QUORUM_CHECK: 'hold' }, actions: [rest, FOURTH_JOINS] });
    });
  }
});

describe('how long a pod has been in a state', () => {
  it('is counted by the clock of the leader, although the clocks of kubelets are ten minutes off', async () => {
    for (const skewMs of [-600_000, 600_000]) {
      for (const kubeletSkewsMs of [[skewMs], [skewMs, 0], [0, skewMs, -skewMs]]) {
        const { restarts } = await told({
          readyMs: [...SECOND, null],
          percent: 51,
          settings: { MIN_READY_SECONDS: '30', QUORUM_CHECK: 'hold' },
          standing: { kubeletSkewsMs },
          actions: [FOURTH_JOINS, { atMs: 200_000, do: 'join', node: 4 }],
        });
        assert.ok(restarts.bump >= 3, kubeletSkewsMs.join());
      }
    }
  });

  it('is counted by the corrected clock as soon as the clock is corrected, and not from the next resync on', async () => {
    const ahead = (replica: number): Action => ({ atMs: 50_000, do: 'skew', replica, ms: 300_000 });
    const { held } = await told({
      readyMs: [1_000, 1_000, 1_000, null],
      settings: { RESYNC_SECONDS: '600', DELETE_MIN_AGE_SECONDS: '5', ROLLOUT_WINDOWS: 'daily 13:30-13:31' },
      // The clocks are put right when all is calm: by the correction so far they are 300 s behind then.
      actions: [
        ...[ahead(0), ahead(1), { atMs: 80_000, do: 'webhookDown', ms: 30_000 } as const, FOURTH_JOINS],
        { atMs: 200_000, do: 'switch', on: 'all', name: '', value: 'paused' },
        { atMs: CALM_AT_MS, do: 'switch', on: 'all', name: '', value: null },
      ],
    });
    assert.deepEqual(held, { OutsideWindow: 4 });
  });
});
