/** Wall-clock time by the clock of the API server. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ServerTime } from '../../../runtime/kube/server-time.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';

const START_MS = Date.UTC(2026, 10, 23, 12);
const HOUR_MS = 3_600_000;

function told(...datesMs: number[]) {
  const machine = new ManualClock(START_MS);
  const serverTime = new ServerTime(machine);
  for (const dateMs of datesMs) serverTime.note(dateMs, 0);
  return { machine, serverTime, offsetMs: () => serverTime.clock.nowMs() - machine.nowMs() };
}

describe('the wall clock', () => {
  it('is the machine’s clock while the API server agrees, to within a second and the travel time of an answer', () => {
    for (const offMs of [-2_500, -1_000, 0, 1_500])
      assert.equal(told(START_MS + offMs).offsetMs(), 0, `${offMs}`);
  });

  it('is not set back by a slow answer', () => {
    const { machine, serverTime, offsetMs } = told(START_MS);
    machine.advance(8_000);
    serverTime.note(START_MS, 8_000);
    assert.equal(offsetMs(), 0);
    serverTime.note(START_MS, 4_000);
    assert.equal(offsetMs(), -8_000, 'but by one that is older than that');
  });

  it('is never ahead of the API server if the machine’s clock is wrong, in either direction', () => {
    for (const offMs of [-HOUR_MS, -10_000, 10_000, 24 * HOUR_MS]) {
      const { serverTime } = told(START_MS + offMs);
      assert.equal(serverTime.clock.nowMs(), START_MS + offMs);
    }
  });

  it('is corrected by the next answer after the machine’s clock jumps', () => {
    const { machine, serverTime } = told(START_MS);
    machine.advance(HOUR_MS);
    serverTime.note(START_MS, 0);
    assert.equal(serverTime.clock.nowMs(), START_MS);
    machine.advance(1_000);
    serverTime.note(START_MS + 1_000, 0);
    assert.equal(serverTime.clock.nowMs(), START_MS + 1_000, 'and does not wander once it is right');
  });

  it('logs each correction, and nothing else', () => {
    const { machine, serverTime } = told(START_MS);
    let corrections = 0;
    const stop = serverTime.onCorrection(() => {
      corrections += 1;
    });
    serverTime.note(START_MS, 0);
    assert.equal(corrections, 0);
    machine.advance(HOUR_MS);
    serverTime.note(START_MS, 0);
    serverTime.note(START_MS, 0);
    assert.equal(corrections, 1);
    stop();
    machine.advance(HOUR_MS);
    serverTime.note(START_MS, 0);
    assert.equal(corrections, 1);
  });

  it('is not changed by an answer without a date, and leaves monotonic time alone', () => {
    const { machine, serverTime, offsetMs } = told(START_MS + HOUR_MS);
    serverTime.note(Number.NaN, 0);
    assert.equal(offsetMs(), HOUR_MS);
    assert.equal(serverTime.clock.monotonicMs(), machine.monotonicMs());
  });
});
