/** How soon a bump that has replaced no pod is taken back, and that it is told as that. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RestartQueue } from '../../../reconciler/apply/restart-queue.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { namespaceRef, podRef, Restarting, statefulSetRef } from './restarting.ts';

const PAUSED = {
  op: 'add',
  path: '/metadata/annotations',
  value: { 'stellar.org/peer-rollout': 'paused' },
} as const;
const STEP_MS = 250;

/** A stage on which validator `a` was bumped a moment ago. */
async function bumped() {
  const stage = new Restarting();
  const lane = stage.lane();
  await stage.offer(lane);
  assert.ok(stage.tokens().a);
  return { stage, lane };
}

/** How many seconds a pause takes to undo the bump. */
async function pausedForSeconds(stage: Restarting, lane: RestartQueue): Promise<number> {
  await stage.change(namespaceRef, PAUSED);
  let ms = 0;
  for (; ms < 60_000 && stage.tokens().a !== undefined; ms += STEP_MS) {
    stage.clock.advance(STEP_MS);
    await stage.offer(lane);
  }
  return ms / 1_000;
}

const readyOf = (value: 'True' | 'False') =>
  ({ op: 'replace', path: '/status/conditions/0/status', value }) as const;

describe('a pause undoes a bump that has replaced no pod, within 5 s,', () => {
  const lates = Array.from({ length: 10 }, (_, index) => 1_000 + index * 3_250);

  it('however long the caches were behind before', async () => {
    for (const lateMs of lates) {
      const { stage, lane } = await bumped();
      await stage.change(podRef('b'), readyOf('False'));
      const late = await stage.plans();
      await stage.change(podRef('b'), readyOf('True'));
      for (let ms = 0; ms < lateMs; ms += STEP_MS) {
        await stage.offer(lane, late);
        stage.clock.advance(STEP_MS);
      }
      const seconds = await pausedForSeconds(stage, lane);
      assert.ok(seconds <= 5.25, `${seconds} s after ${lateMs} ms`);
    }
  });

  it('however long the API server could not be read before', async () => {
    for (const lateMs of lates) {
      const { stage, lane } = await bumped();
      const caches = await stage.plans();
      stage.kube.intercept = () => {
        throw failure(503, '', 'not now');
      };
      for (let ms = 0; ms < lateMs; ms += STEP_MS) {
        await stage.offer(lane, caches);
        stage.clock.advance(STEP_MS);
      }
      stage.kube.intercept = () => undefined;
      const seconds = await pausedForSeconds(stage, lane);
      assert.ok(seconds <= 5.25, `${seconds} s after ${lateMs} ms`);
    }
  });
});

describe('a bump that was taken back', () => {
  const told = async (stage: Restarting) =>
    [...(await stage.plans()).plans.values()].flatMap(({ holds, remarks }) =>
      [...holds, ...remarks].map(([, { code }]) => code),
    );
  const unwritable = (stage: Restarting, isNow: () => boolean) => {
    stage.kube.intercept = (request) => {
      if (/^replace .*restarts/.test(request) && isNow()) throw failure(500, '', 'etcd');
    };
  };
  const isTakenBack = (stage: Restarting) => stage.tokens().a === undefined;

  it('is journaled as taken back once the journal can be written again', async () => {
    const { stage, lane } = await bumped();
    await stage.change(namespaceRef, PAUSED);
    unwritable(stage, () => true);
    for (let seconds = 0; seconds < 60; seconds += 1) {
      await stage.offer(lane);
      stage.clock.advance(1_000);
    }
    assert.deepEqual([stage.tokens(), stage.outcomes()], [{}, ['stellar/a: open']]);
    unwritable(stage, () => false);
    for (let seconds = 0; seconds < 40; seconds += 1) {
      await stage.offer(lane);
      stage.clock.advance(1_000);
    }
    assert.deepEqual(
      stage.entries().map(({ outcome, why }) => [outcome, why]),
      [['defused', 'Paused']],
    );
  });

  it('is journaled as taken back by the next leader, if the leader that did it died before', async () => {
    const { stage, lane } = await bumped();
    await stage.change(podRef('b'), readyOf('False'));
    unwritable(stage, () => isTakenBack(stage));
    await stage.offer(lane);
    assert.deepEqual([stage.tokens(), stage.outcomes()], [{}, ['stellar/a: open']]);
    unwritable(stage, () => false);
    await stage.change(podRef('b'), readyOf('True'));
    await stage.offer(stage.lane());
    assert.deepEqual(
      stage.entries().map(({ outcome, why }) => [outcome, why]),
      [['defused', 'WaitingForUnavailable']],
    );
    assert.ok(!(await told(stage)).includes('RestartReverted'));
  });

  it('is journaled as taken back even if its writes were not answered', async () => {
    const { stage, lane } = await bumped();
    await stage.change(namespaceRef, PAUSED);
    const patch = stage.kube.patch.bind(stage.kube);
    stage.kube.patch = async (ref, operations) => {
      await patch(ref, operations);
      throw failure(0, '', 'no answer');
    };
    await stage.offer(lane);
    stage.kube.patch = patch;
    await stage.offer(stage.lane());
    assert.deepEqual(stage.outcomes(), ['stellar/a: defused']);
  });

  it('is reported as reverted if another program took it back', async () => {
    const { stage, lane } = await bumped();
    const path = '/spec/template/metadata/annotations/stellar.org~1peer-restart';
    await stage.change(statefulSetRef('a'), { op: 'remove', path });
    for (let seconds = 0; seconds <= 20; seconds += 1) {
      await stage.offer(lane);
      stage.clock.advance(1_000);
    }
    assert.deepEqual(stage.outcomes(), ['stellar/a: void']);
    assert.ok((await told(stage)).includes('RestartReverted'));
  });
});
