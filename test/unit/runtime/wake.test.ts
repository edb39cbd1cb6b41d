import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Wake } from '../../../runtime/wake.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const wake = new Wake(clock);
  const stop = new AbortController();
  /** Waits; the function returned says whether that is over. */
  const wait = (timeoutMs = 1_000) => {
    let over = false;
    void wake.wait(timeoutMs, stop.signal).then(() => {
      over = true;
    });
    return async () => {
      await turn();
      return over;
    };
  };
  return { clock, wake, wait, stop };
}

describe('a wait for a notification', () => {
  it('ends with the notification', async () => {
    const { wake, wait } = setUp();
    const isOver = wait();
    assert.equal(await isOver(), false);
    wake.notify();
    assert.equal(await isOver(), true);
  });

  it('ends at once after one or more earlier notifications, and the next wait does not', async () => {
    const { wake, wait } = setUp();
    for (let times = 0; times < 3; times += 1) wake.notify();
    assert.equal(await wait()(), true);
    assert.equal(await wait()(), false);
  });

  it('misses no notification between two waits', async () => {
    const { wake, wait } = setUp();
    const first = wait();
    wake.notify();
    await first();
    wake.notify();
    assert.equal(await wait()(), true);
  });

  it('ends when its timeout is over', async () => {
    const { clock, wait } = setUp();
    const isOver = wait(1_000);
    clock.advance(999);
    assert.equal(await isOver(), false);
    clock.advance(1);
    assert.equal(await isOver(), true);
    const next = wait(1_000);
    clock.advance(500);
    assert.equal(await next(), false, 'the time of a former wait is over with it');
  });

  it('ends when its signal is aborted, before the wait or during the wait', async () => {
    const { stop, wait } = setUp();
    const isOver = wait();
    stop.abort();
    assert.equal(await isOver(), true);
    assert.equal(await wait()(), true);
  });
});
