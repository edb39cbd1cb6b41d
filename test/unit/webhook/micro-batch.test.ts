/**
 * Items that arrive together are decided together, in order, and none is lost.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { inMicroBatches } from '../../../webhook/review/micro-batch.ts';

/** Takes items and logs each step. The decision on an item takes `decideMs` of the clock. */
function setUp({ decideMs = 0 } = {}) {
  let spentMs = 0;
  const told: string[] = [];
  const take = inMicroBatches<string>({ monotonicMs: () => spentMs }, (item) => {
    told.push(`decide ${item}`);
    spentMs += decideMs;
    return () => void told.push(`finish ${item} ${item.toUpperCase()}`);
  });
  return { take, told };
}

describe('items that come in one turn of the event loop', () => {
  it('are all decided, in order of arrival, before the first is finished', async () => {
    const { take, told } = setUp();
    for (const item of ['a', 'b', 'c']) take(item);
    assert.deepEqual(told, [], 'nothing happens while others may still come');
    await turn();
    assert.deepEqual(told, ['decide a', 'decide b', 'decide c', 'finish a A', 'finish b B', 'finish c C']);
  });

  it('do not stop later items from being decided', async () => {
    const { take, told } = setUp();
    take('a');
    await turn();
    take('b');
    await turn();
    assert.deepEqual(told, ['decide a', 'finish a A', 'decide b', 'finish b B']);
  });

  it('yield the event loop if they take long, and continue in the next turn', async () => {
    const { take, told } = setUp({ decideMs: 5 });
    const between: number[] = [];
    for (const item of ['a', 'b', 'c', 'd', 'e']) take(item);
    while (told.length < 10) {
      await turn();
      between.push(told.length);
    }
    assert.deepEqual(between, [4, 8, 10], 'two of 5 ms in each turn of 8 ms');
    assert.deepEqual(
      told.filter((line) => line.startsWith('finish')),
      ['finish a A', 'finish b B', 'finish c C', 'finish d D', 'finish e E'],
    );
  });

  it('are at most 64, and these are decided and finished before further items are taken', async () => {
    const { take, told } = setUp();
    for (let index = 1; index < 64; index += 1) take(`${index}`);
    assert.deepEqual(told, []);
    take('64');
    assert.equal(told.length, 128);
    assert.deepEqual(told.slice(63, 65), ['decide 64', 'finish 1 1']);
    take('65');
    assert.equal(told.length, 128, 'the next one waits again');
    await turn();
    assert.deepEqual(told.slice(128), ['decide 65', 'finish 65 65']);
    await turn();
    assert.equal(told.length, 130);
  });

  it('wait for the next turn if they arrive before a turn is over', async () => {
    const { take, told } = setUp({ decideMs: 10 });
    take('a');
    take('b');
    await turn();
    take('c');
    await turn();
    await turn();
    assert.deepEqual(told.slice(2), ['decide b', 'finish b B', 'decide c', 'finish c C']);
  });
});
