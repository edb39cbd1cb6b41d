import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backoff } from '../../../runtime/backoff.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';

/** Something was put off by 100 ms; a pass that began at `askedAtMs` after that found it not due, and goes on for 20 ms. */
function passAround(askedAtMs: number) {
  const clock = new ManualClock();
  const backoff = new Backoff(clock);
  backoff.putOff('group', 100);
  clock.advance(askedAtMs);
  const beganAtMs = clock.monotonicMs();
  const wasDue = backoff.isDue('group');
  clock.advance(20);
  return { wasDue, nextInMs: backoff.nextInMs(beganAtMs) };
}

describe('when to look again at what was put off', () => {
  it('is when it falls due', () => {
    assert.deepEqual(passAround(10), { wasDue: false, nextInMs: 70 });
  });

  it('is at once where it fell due while the pass that had passed it by went on', () => {
    assert.deepEqual(passAround(90), { wasDue: false, nextInMs: 0 });
  });

  it('is never where the pass found it due: the next pass has taken it', () => {
    assert.deepEqual(passAround(110), { wasDue: true, nextInMs: undefined });
  });
});
