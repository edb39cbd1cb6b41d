/** Histories that once broke an invariant, in their smallest form. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { play } from './history.ts';
import { planOf } from './small-plan.ts';

describe('a history that once broke an invariant', () => {
  it('holds: a leader wakes after another leader has begun the same restart', async () => {
    for (const replica of [0, 1]) {
      const plan = planOf({
        readyMs: [60_000, 60_000, 60_000, 60_000, 1_000],
        founders: 4,
        // Two may be down, so that only the journal prevents the second restart.
        settings: { MAX_UNAVAILABLE: '2', RESYNC_SECONDS: '5' },
        actions: [
          ...[0, 1, 2, 3].map((node) => ({ atMs: 5_000 + node, do: 'deletePod' as const, node })),
          { atMs: 200_000, do: 'freezeAtRequest', replica, verb: 'replace', ms: 50_000 },
          { atMs: 210_000, do: 'join', node: 4 },
        ],
        calmAtMs: 900_000,
      });
      const { problem, restarts } = await play(plan);
      assert.deepEqual(problem, undefined);
      assert.ok(restarts.bump >= 4);
    }
  });

  it('holds: a peer that ran unchanged for long is suspended, and counts as running for ten minutes afterwards', async () => {
    const plan = planOf({
      readyMs: [null, 1_000, 1_000],
      founders: 2,
      settings: { RESYNC_SECONDS: '300' },
      actions: [
        { atMs: 60_000, do: 'deletePod', node: 0 },
        { atMs: 100_000, do: 'join', node: 2 },
        { atMs: 400_000, do: 'suspend', node: 1, on: true },
        // A change that starts a pass of the leader, before the ten minutes are over.
        { atMs: 800_000, do: 'annotate', node: 2, key: 'stellar.org/peer-budget', value: 'uncounted' },
      ],
      calmAtMs: 1_200_000,
    });
    const { problem, restarts } = await play(plan);
    assert.deepEqual(problem, undefined);
    assert.equal(restarts.delete, 1);
  });
});
