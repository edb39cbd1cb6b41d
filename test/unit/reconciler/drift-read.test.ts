/** A pod whose container started after a view was published has read it, whatever it is stamped with. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPod } from '../../../peers/read/workload.ts';
import type { World } from '../../../peers/world.ts';
import { pod } from '../world.ts';
import { at, NOW_MS, networkWorld, planOf, withPod } from './group.ts';

const MINUTE_MS = 60_000;

/** `a` was stamped before `d` joined; what else is known of its pod. */
function joined(change: Record<string, unknown>): World {
  return withPod(networkWorld({ a: { knows: ['b', 'c'] }, b: {}, c: {}, d: {} }), 'a', change);
}
// The view is published as of NOW_MS.
const restarted = (change: Record<string, unknown>) =>
  planOf(joined(change), { nowMs: NOW_MS + 60 * MINUTE_MS }).restart;

describe('a pod that was stamped before a view was published', () => {
  it('has read the view if it was scheduled later, by more than clocks may differ', () => {
    assert.equal(restarted({ scheduledAtMs: NOW_MS + 3_000 }), 'bump a');
    assert.equal(restarted({ scheduledAtMs: NOW_MS + 3_001 }), undefined);
  });

  const HOUR_MS = 60 * MINUTE_MS;
  /** Scheduled an hour before, with a container that was started that long after; the kubelet's clock is off by so much. */
  const started = (afterMs: number, offMs = 0) => ({
    scheduledAtMs: NOW_MS - HOUR_MS,
    takenAtMs: NOW_MS - HOUR_MS + offMs,
    readAtMs: NOW_MS - HOUR_MS + offMs + afterMs,
  });

  it('has read the view if its container was restarted well after the publication', () => {
    assert.equal(restarted(started(HOUR_MS + 3 * MINUTE_MS)), 'bump a');
    assert.equal(restarted(started(HOUR_MS + 3 * MINUTE_MS + 1)), undefined);
  });

  it('has read the view, or has not, whatever the clock of its kubelet shows', () => {
    for (const offMs of [-10 * MINUTE_MS, 10 * MINUTE_MS]) {
      assert.equal(restarted(started(HOUR_MS + 3 * MINUTE_MS, offMs)), 'bump a');
      assert.equal(restarted(started(HOUR_MS + 3 * MINUTE_MS + 1, offMs)), undefined);
    }
  });

  it('counts as not having read the view if one of these times is missing', () => {
    for (const missing of ['scheduledAtMs', 'takenAtMs', 'readAtMs']) {
      const change = { ...started(2 * HOUR_MS), [missing]: undefined };
      assert.equal(restarted(change), 'bump a', missing);
    }
  });

  it('has not read the view if its merge found no peers, however late the pod was scheduled', () => {
    const mergeOutcome = { code: 'NoPeers', detail: '' };
    assert.equal(restarted({ scheduledAtMs: NOW_MS + 10 * MINUTE_MS, mergeOutcome }), 'bump a');
  });

  describe('where its machine started anew an hour later, or its container was restarted', () => {
    const [taken, again] = [at(3_600), at(-1_800)];
    const run = (name: string, startedAt: string) => ({
      name,
      state: { terminated: { exitCode: 0, startedAt } },
    });
    const core = { name: 'stellar-node', state: { running: { startedAt: again } } };
    const read = (initContainers: object[], initContainerStatuses: object[]) => {
      const raw = pod('a');
      const spec = { ...(raw.spec as object), initContainers };
      // The kubelet writes this condition anew too.
      const conditions = [{ type: 'Initialized', status: 'True', lastTransitionTime: again }];
      const status = { startTime: taken, conditions, containerStatuses: [core], initContainerStatuses };
      const { takenAtMs, readAtMs } = readPod({ ...raw, spec, status });
      return restarted({ scheduledAtMs: NOW_MS - HOUR_MS, takenAtMs, readAtMs });
    };
    const MERGE = 'stellar-peers-config';

    it('has read it if nothing is merged, or if the merge has run again', () => {
      assert.equal(read([], []), undefined);
      assert.equal(read([{ name: MERGE }], [run('other', taken), run(MERGE, again)]), undefined);
    });

    it('has not if the merge has not run again, or it is not known when it ran', () => {
      assert.equal(read([{ name: MERGE }], [run('other', again), run(MERGE, taken)]), 'bump a');
      assert.equal(read([{ name: MERGE }], []), 'bump a');
    });
  });
});
