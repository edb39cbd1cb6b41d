/** Histories that an attack on the restart engine found: each was broken once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatefulSetFacts } from '../../../peers/world.ts';
import type { JournalEntry } from '../../../reconciler/plan/journal/journal.ts';
import { formatJournal } from '../../../reconciler/plan/journal/journal.ts';
import { outcomeOf } from '../../../reconciler/plan/restarts/outcome.ts';
import { restartTakesMs } from '../../../reconciler/plan/restarts/rate-limit.ts';
import { takeBackWhy } from '../../../reconciler/plan/restarts/take-back.ts';
import { pod, statefulSet, worldWith } from '../world.ts';
import {
  at,
  inputOf,
  JOINED,
  NOW_MS,
  networkParts,
  networkWorld,
  planOf,
  restartOf,
  SETTINGS,
  webhookOf,
} from './group.ts';

const HOUR_MS = 3_600_000;
const { group: GROUP } = planOf(networkWorld(JOINED));

const entry = (hoursAgo: number, more: Partial<JournalEntry> = {}): JournalEntry => {
  const atMs = NOW_MS - hoursAgo * HOUR_MS;
  const ended = { atMs, outcome: 'done', endedAtMs: atMs + 60_000 } as const;
  const kind = { uids: ['former'], names: ['a-0'], token: 'hash.digest', drift: 'notInjected' } as const;
  return restartOf('a', { ...kind, ...ended, ...more });
};

describe('a webhook configuration that takes no pods', () => {
  it('injects no pod, so no validator is restarted for missing peers', () => {
    for (const rules of [
      [],
      [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
      [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['UPDATE'] }],
    ]) {
      const webhook = webhookOf(at(0)) as unknown as { webhooks: Array<Record<string, unknown>> };
      Object.assign(webhook.webhooks[0] ?? {}, { rules });
      const plan = planOf(worldWith({ ...networkParts(JOINED), webhook: webhook as never }));
      assert.deepEqual([plan.restart, plan.holds.a], [undefined, 'NotSelected']);
    }
  });
});

describe('a pod that a restart of ours left bare', () => {
  const bare = { ...JOINED, a: { pod: { injected: false } } };
  const journalOf = (uid: string, hoursAgo: number) => {
    const left = entry(hoursAgo, { outcome: 'notInjected', after: [uid] });
    return { [GROUP]: formatJournal([left], NOW_MS) };
  };

  it('stops its group for as long as the pod exists, also after a day', () => {
    for (const hoursAgo of [1, 23, 25, 20 * 24]) {
      const plan = planOf(networkWorld(bare, { journal: journalOf('pod-a', hoursAgo) }));
      assert.deepEqual([plan.restart, plan.holds.a], [undefined, 'NotInjected'], `${hoursAgo} h`);
    }
  });

  it('stops nothing any more where it is gone, though what replaced it is bare for another reason', () => {
    for (const hoursAgo of [1, 25]) {
      const plan = planOf(networkWorld(bare, { journal: journalOf('another', hoursAgo) }));
      assert.equal(plan.restart, 'bump a', `${hoursAgo} h`);
    }
  });

  it('stops nothing where it was there before that restart, which did not replace it', () => {
    const left = entry(1, { outcome: 'notInjected', uids: ['pod-a', 'former'], after: ['pod-a', 'gone'] });
    const plan = planOf(networkWorld(bare, { journal: { [GROUP]: formatJournal([left], NOW_MS) } }));
    assert.equal(plan.restart, 'bump a');
  });
});

describe('how long a restart takes', () => {
  it('is not estimated from a restart of months ago', () => {
    const slow = entry(30 * 24, { endedAtMs: NOW_MS - 30 * 24 * HOUR_MS + 9 * HOUR_MS });
    assert.equal(restartTakesMs([slow], SETTINGS, NOW_MS), SETTINGS.expectedRestartMs);
  });
});

describe('a deleted pod that its StatefulSet does not want any more', () => {
  it('ends its restart: it will not come again', () => {
    const world = worldWith({ statefulSets: [statefulSet('a')], pods: [pod('a')] });
    const first = world.statefulSets.get('stellar/a') as StatefulSetFacts;
    assert.equal(first.replicas, 1);
    const scaled = entry(1, { kind: 'delete', uids: ['pod-a-1'], names: ['a-1'] });
    const { outcome: _, endedAtMs: __, ...open } = scaled;
    assert.equal(outcomeOf(open, world, { seenForMs: HOUR_MS, watched: true }), 'done');
  });
});

describe('a bump that the StatefulSet controller has noticed and does not carry out', () => {
  it('is taken back after two minutes, since it would act at any later time', () => {
    const token = 'hash.digest';
    const set = statefulSet('a', { annotations: { 'stellar.org/peer-restart': token } });
    const parts = networkParts(JOINED);
    const others = (parts.statefulSets ?? []).filter(({ metadata }) => metadata.name !== 'a');
    const world = worldWith({ ...parts, statefulSets: [set, ...others] });
    const why = (seenForMs: number, ageMs = 0) => {
      const { outcome: _, endedAtMs: __, ...open } = entry(0, { uids: ['pod-a'], drift: 'short', token });
      const aged = { ...open, atMs: NOW_MS - ageMs };
      return takeBackWhy({ group: GROUP, entry: aged }, inputOf(world).input, seenForMs);
    };
    assert.deepEqual([why(60_000), why(121_000)], [undefined, 'ControllerAway']);
    // Leaders that change every few seconds see no bump for two minutes; the journal tells its age.
    assert.deepEqual([why(1_000, 120_000), why(1_000, 124_000)], [undefined, 'ControllerAway']);
  });
});
