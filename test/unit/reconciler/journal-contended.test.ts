/** A journal that others write at the same time, or that answers late. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RestartQueue } from '../../../reconciler/apply/restart-queue.ts';
import { KubeError } from '../../../runtime/kube/port.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { Restarting } from './restarting.ts';

async function passSeconds(stage: Restarting, lane: RestartQueue, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    stage.clock.advance(1_000);
    await stage.offer(lane);
  }
}

it('a pod that came back bare is noted, though others wrote five times in a row', async () => {
  const stage = new Restarting();
  const lane = stage.lane();
  await stage.offer(lane);
  await stage.recreate('a', { injected: false });
  stage.clock.advance(600_000);
  let left = 5;
  stage.kube.intercept = (request) => {
    if (/^replace .*restarts/.test(request) && left-- > 0) throw failure(409, 'Conflict', 'modified');
  };
  await passSeconds(stage, lane, 300);
  assert.deepEqual(stage.outcomes(), ['stellar/a: notInjected']);
});

it('an intent that is stored after it was taken out stops its group no longer than until it is fenced', async () => {
  const stage = new Restarting();
  await stage.journal.keepSalt('0123456789abcdef0123456789abcdef');
  const lane = stage.lane();
  const { replace } = stage.kube;
  let late: (() => Promise<unknown>) | undefined;
  stage.kube.replace = (ref, body) => {
    if (late || !/restarts/.test(ref.name)) return replace(ref, body);
    late = () => replace(ref, structuredClone(body));
    return Promise.reject(new KubeError('PUT: no answer', { status: 0 }));
  };
  await stage.offer(lane);
  assert.deepEqual(stage.outcomes(), []);
  await late?.();
  await passSeconds(stage, lane, 25);
  assert.equal(Object.keys(stage.tokens()).length, 1, 'one of the group is restarted');
});
