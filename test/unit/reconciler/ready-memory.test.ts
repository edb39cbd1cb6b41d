import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPod } from '../../../peers/read/workload.ts';
import type { PodFacts } from '../../../peers/world.ts';
import { ReadyMemory } from '../../../reconciler/plan/restarts/ready-memory.ts';
import { pod } from '../world.ts';
import { at } from './group.ts';

const read = (options: Parameters<typeof pod>[1] = {}): PodFacts => readPod(pod('a', options));
const READY = read({ readyAt: at(600) });

describe('the memory of pods that are Ready', () => {
  it('counts from when it first saw the pod so, not from when the pod says', () => {
    const memory = new ReadyMemory();
    memory.observe([READY], 1_000);
    memory.observe([READY], 5_000);
    assert.equal(memory.readyForMsAt(8_000)(READY), 7_000);
  });

  it('says 0 of what it has not seen: another pod of that name, or another time', () => {
    const memory = new ReadyMemory();
    assert.equal(memory.readyForMsAt(8_000)(READY), 0);
    memory.observe([READY], 1_000);
    assert.equal(memory.readyForMsAt(8_000)(read({ readyAt: at(600), uid: 'another' })), 0);
    assert.equal(memory.readyForMsAt(8_000)(read({ readyAt: at(599) })), 0);
  });

  it('counts anew after the pod was not Ready, was replaced, or was away', () => {
    const between: ReadonlyArray<readonly PodFacts[]> = [
      [read({ ready: false, readyAt: at(300) })],
      [read({ uid: 'another' })],
      [read({ readyAt: at(300) })],
      [],
    ];
    for (const pods of between) {
      const memory = new ReadyMemory();
      memory.observe([READY], 1_000);
      memory.observe(pods, 2_000);
      memory.observe([READY], 3_000);
      assert.equal(memory.readyForMsAt(8_000)(READY), 5_000);
    }
  });

  it('counts in the same way for how long a pod has been not Ready', () => {
    const memory = new ReadyMemory();
    const down = read({ ready: false, readyAt: at(600) });
    memory.observe([READY], 1_000);
    assert.equal(memory.downForMsAt(2_000)(down), 0);
    memory.observe([down], 2_000);
    assert.deepEqual([memory.downForMsAt(8_000)(down), memory.readyForMsAt(8_000)(READY)], [6_000, 0]);
    assert.equal(memory.downForMsAt(8_000)(read({ ready: false, readyAt: at(599) })), 0);
  });
});
