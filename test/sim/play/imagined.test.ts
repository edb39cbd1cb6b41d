/** Histories with situations that random plans did not contain at first: small, and always the same. */
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

describe('a validator whose next pod would not be injected', () => {
  it('is not restarted if its namespace has opted out', async () => {
    const actions = [early({ do: 'optOut', namespace: 'north', on: true }), FOURTH_JOINS];
    const { restarts, held } = await told({ namespaces: ['north', 'north', 'north', 'south'], actions });
    assert.equal(restarts.bump, 0);
    assert.deepEqual(held, { OptedOut: 3 });
  });

  it('is not restarted if it has opted out itself', async () => {
    const optOut = (node: number): Action => ({
      ...{ atMs: 60_000, do: 'annotate', node, key: 'stellar.org/peer-injection', value: 'disabled' },
    });
    const { restarts, held } = await told({ actions: [optOut(0), optOut(1), optOut(2), FOURTH_JOINS] });
    assert.equal(restarts.bump, 0);
    assert.deepEqual(held, { OptedOut: 3 });
  });

  for (const [by, code, where] of [
    ['object', 'NotSelected', 'the webhook does not select its pods any more'],
    ['namespace', 'NotSelected', 'the webhook does not select its namespace any more'],
    ['gone', 'WebhookMissing', 'the webhook configuration is gone'],
  ] as const) {
    it(`is not restarted if ${where}`, async () => {
      const narrow = early({ do: 'narrow', by, namespace: 'north', name: 'v0', ms: null });
      const { held } = await told({ actions: [narrow, FOURTH_JOINS] });
      assert.ok((held[code] ?? 0) >= 1, JSON.stringify(held));
    });
  }
});

describe('a restart that does not help, or is not let through,', () => {
  it('is not repeated for ever by replicas that die after each restart', async () => {
    const actions = [
      early({ do: 'crashLoop', ms: 60 * MINUTE_MS, both: true }),
      { ...FOURTH_JOINS, atMs: 90_000 },
    ];
    const { restarts } = await told({ actions, calmAtMs: 61 * MINUTE_MS });
    assert.ok(restarts.bump >= 1);
  });

  for (const [how, what] of [
    ['deny', 'an admission policy denies it'],
    ['forbid', 'a webhook forbids it'],
    ['strip', 'a webhook takes the annotation out of it'],
    ['revert', 'a controller reverts it'],
  ] as const) {
    it(`does not prevent the restarts of others in its group if ${what}`, async () => {
      const refuse = early({ do: 'refuse', how, namespace: 'north', name: 'v0', revertMs: 0, ms: null });
      const namespaces = ['north', 'south', 'south', 'south'];
      const { restarts } = await told({ namespaces, actions: [refuse, FOURTH_JOINS] });
      assert.ok(restarts.bump >= 2);
    });
  }

  it('does not stall its group if its fence is also refused, once the StatefulSet has changed', async () => {
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
  it('forgets groups that are gone, so that it is never full of them', async () => {
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

describe('a bump that its controller does not take up', () => {
  for (const meanwhile of ['nothing', 'pause', 'down', 'optOut', 'partition'] as const) {
    it(`takes no pod down minutes later, with ${meanwhile} in between`, async () => {
      const rest = early({
        ...{ do: 'controllerRestsAtBump', ms: 2 * MINUTE_MS, meanwhile, meanwhileMs: 10_000 },
      });
      await told({ percent: 67, settings: { QUORUM_CHECK: 'hold' }, actions: [rest, FOURTH_JOINS] });
    });
  }
});

describe('what is known of pods', () => {
  it('comes from the pods under OnDelete, because the status of the StatefulSet never shows the end of a roll', async () => {
    const onDelete = early({ do: 'onDelete', node: 0, upgradedMs: 1_000 });
    const { restarts, held } = await told({
      actions: [onDelete, FOURTH_JOINS],
      standing: { isOldKubernetes: true },
    });
    assert.equal(restarts.bump, 2);
    assert.deepEqual(held, { OnDelete: 1 });
  });

  it('is unknown without a stamp, and that is no reason to restart', async () => {
    const unstamp = [0, 1, 2].map((node) => early({ do: 'unstamp', node }));
    const { restarts } = await told({ actions: [...unstamp, FOURTH_JOINS] });
    assert.equal(restarts.bump, 0);
  });

  it('is dated by one clock, although the kubelets’ clocks are ten minutes off', async () => {
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

  it('is dated by a corrected clock at once, and not at the next resync', async () => {
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

  it('restarts no validator whose machine a waiting pod would take', async () => {
    const { restarts } = await told({
      readyMs: [...SECOND, 1_000],
      actions: [FOURTH_JOINS, { atMs: 90_001, do: 'join', node: 4 }],
      settings: { MAX_UNAVAILABLE: '2' },
      standing: { machines: 4 },
    });
    // Not before there is a machine for all.
    assert.equal(restarts.bump, 0);
  });
});
