import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quietOf } from '../../../reconciler/plan/restarts/quiet.ts';

const STARTED_MS = 10_000;

describe('how long the membership of a group has been quiet', () => {
  it('is counted from its last change; the first change of a series is known too', () => {
    const changes = { firstAtMs: 20_000, lastAtMs: 35_000 };
    assert.deepEqual(quietOf(changes, STARTED_MS, 40_000), { quietMs: 5_000, changingMs: 15_000 });
  });

  it('is counted from the start of a new leader, which did not see earlier changes', () => {
    assert.deepEqual(quietOf(undefined, STARTED_MS, 40_000), { quietMs: 30_000, changingMs: 0 });
    const before = { firstAtMs: 2_000, lastAtMs: 5_000 };
    assert.deepEqual(quietOf(before, STARTED_MS, 40_000), { quietMs: 30_000, changingMs: 0 });
    const across = { firstAtMs: 2_000, lastAtMs: 35_000 };
    assert.deepEqual(quietOf(across, STARTED_MS, 40_000), { quietMs: 5_000, changingMs: 25_000 });
  });
});
