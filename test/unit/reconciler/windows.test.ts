import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseWindows } from '../../../reconciler/plan/restarts/windows.ts';
import { processorTimeOf } from '../stand-ins/processor-time.ts';
import { closingOf, windowsOf } from './windows.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `open till …`, `closed till …`, in UTC and without seconds. */
function at(text: string, time: string, neededMs = 0): string {
  const windows = windowsOf(text);
  const nowMs = Date.parse(time);
  const opensAtMs = windows(nowMs, neededMs);
  const untilMs = opensAtMs === nowMs ? closingOf(windows, nowMs) : opensAtMs;
  const until = untilMs === undefined ? 'ever' : new Date(untilMs).toISOString().replace(':00.000Z', 'Z');
  return `${opensAtMs === nowMs ? 'open' : 'closed'} till ${until}`;
}

describe('the syntax of windows', () => {
  it('takes nothing as always', () => {
    for (const text of ['', ' ', '\n'])
      assert.equal(
        windowsOf(text)(Date.parse('2026-11-23T12:00Z'), 99 * DAY_MS),
        Date.parse('2026-11-23T12:00Z'),
      );
  });

  it('takes days, lists, ranges over the end of the week, and zones', () => {
    const good = ['daily 00:00-24:00', 'Mon-Fri 09:00-17:00 Europe/Berlin', 'Fri-Mon,Wed 22:00-02:00 UTC'];
    const odd = ['mon,TUE 23:59-00:00 europe/berlin', ' DAILY\t01:00-01:00 \n', 'Sun 00:00-00:01 Etc/GMT+12'];
    const more = 'Mon-Fri 09:00-17:00 Europe/Berlin; Sat,Sun 22:00-02:00 UTC;daily 00:00-24:00 Asia/Kolkata';
    for (const text of [...good, ...odd, more, 'Mon,Mon 10:00-11:00; Mon 10:00-11:00']) windowsOf(text);
  });

  it('refuses everything else', () => {
    const entries = [
      'Mon',
      '09:00-17:00',
      'Mon 09:00',
      'Mon 09:00 17:00',
      'Mon 09:00 - 17:00',
      'Mon-09:00-17:00',
    ];
    const days = [
      'Mo',
      'Monday',
      'Mon-',
      '-Mon',
      'Mon--Tue',
      'Mon-Tue-Wed',
      'Mon,',
      ',',
      'daily,Mon',
      'daily-Mon',
    ];
    const times = ['9:00-17:00', '24:00-01:00', '00:00-24:01', '00:60-01:00', '25:00-26:00', '0900-1700'];
    const more = ['09:00-', '-17:00', '09:00-12:00-15:00', '09:00:00-10:00:00', '-1:00-02:00', '٠٩:00-10:00'];
    const zones = [
      'Berlin',
      'Europe/Nowhere',
      '+02:00',
      'UTC+2',
      '..',
      'UTC UTC',
      '__proto__',
      'Europe Berlin',
    ];
    const texts = [
      ...[...entries, ';', 'always', 'never', 'undefined', '{}'],
      ...[...days, 'Mon;Tue', 'Mon, Tue'].map((day) => `${day} 09:00-17:00`),
      ...[...times, ...more].map((time) => `Mon ${time}`),
      ...zones.map((zone) => `Mon 09:00-17:00 ${zone}`),
      ...['Mon 09:00-17:00;', ';Mon 09:00-17:00', 'Mon 09:00-17:00;;Tue 09:00-17:00', 'Mon 09:00-17:00; Tue'],
    ];
    for (const text of texts) assert.equal(parseWindows(text), undefined, text);
  });
});

describe('a window', () => {
  it('and a range of days go over the end of the week', () => {
    assert.equal(at('Sat 22:00-06:00', '2026-11-29T05:00Z'), 'open till 2026-11-29T06:00Z');
    assert.equal(at('Sun 22:00-06:00', '2026-11-30T05:00Z'), 'open till 2026-11-30T06:00Z');
    assert.equal(at('Fri-Mon 10:00-11:00', '2026-11-23T12:00Z'), 'closed till 2026-11-27T10:00Z');
    assert.equal(at('Fri-Mon 10:00-11:00', '2026-11-29T10:30Z'), 'open till 2026-11-29T11:00Z');
    assert.equal(at('Mon-Sun 10:00-11:00', '2026-11-25T09:00Z'), 'closed till 2026-11-25T10:00Z');
    assert.equal(at('Tue-Tue 10:00-11:00', '2026-11-25T09:00Z'), 'closed till 2026-12-01T10:00Z');
  });

  it('is one with those that touch or overlap it', () => {
    assert.equal(
      at('daily 20:00-24:00;daily 00:00-04:00', '2026-11-23T21:00Z'),
      'open till 2026-11-24T04:00Z',
    );
    assert.equal(at('Mon 09:00-12:00;Mon 11:00-15:00', '2026-11-23T09:00Z'), 'open till 2026-11-23T15:00Z');
    assert.equal(at('Mon 09:00-15:00;Mon 11:00-12:00', '2026-11-23T09:00Z'), 'open till 2026-11-23T15:00Z');
    const zones = 'Mon 09:00-12:00 Europe/Berlin;Mon 11:00-12:00 UTC';
    assert.equal(at(zones, '2026-11-23T08:00Z'), 'open till 2026-11-23T12:00Z', 'across zones');
    const apart = 'Mon 09:00-12:00;Mon 12:01-13:00';
    assert.equal(at(apart, '2026-11-23T09:00Z'), 'open till 2026-11-23T12:00Z');
  });

  it('that never closes says so', () => {
    const texts = [
      'daily 00:00-24:00',
      'daily 05:00-05:00 Europe/Berlin',
      'Sun-Sat 00:00-12:00;daily 12:00-00:00',
    ];
    const zones = 'daily 06:00-18:00 Asia/Kolkata;daily 12:30-00:30 UTC';
    for (const text of [...texts, zones])
      for (const time of ['2026-03-29T00:30Z', '2026-11-23T00:00Z', '2026-10-25T01:00Z'])
        assert.equal(at(text, time, 7 * DAY_MS), 'open till ever', `${text} at ${time}`);
  });

  it('is the same whatever instants were asked about before', () => {
    const windows = windowsOf('Mon 09:00-17:00');
    for (const time of ['2026-11-23T10:00Z', '2027-11-22T10:00Z', '2026-11-23T16:00Z', '2020-11-23T10:00Z']) {
      const closesAtMs = Date.parse(`${time.slice(0, 10)}T17:00Z`);
      assert.equal(closingOf(windows, Date.parse(time)), closesAtMs);
    }
  });

  it('of nearly a week closes when it does', () => {
    const text = 'Mon-Sat 00:00-24:00;Sun 00:00-23:59';
    assert.equal(at(text, '2026-11-23T00:00Z', HOUR_MS), 'open till 2026-11-29T23:59Z');
    assert.equal(at(text, '2026-11-29T23:59Z', 6 * DAY_MS), 'closed till 2026-11-30T00:00Z');
  });
});

describe('what does not fit before the window closes', () => {
  const text = 'Mon 09:00-10:00;Tue 09:00-12:00;Sat 09:00-17:00';

  it('fits to the last instant', () => {
    assert.equal(at(text, '2026-11-23T09:30Z', 30 * MINUTE_MS), 'open till 2026-11-23T10:00Z');
    assert.equal(at(text, '2026-11-23T09:30Z', 30 * MINUTE_MS + 1), 'closed till 2026-11-24T09:00Z');
  });

  it('waits for the next opening that is long enough', () => {
    assert.equal(at(text, '2026-11-23T09:00Z', 61 * MINUTE_MS), 'closed till 2026-11-24T09:00Z');
    assert.equal(at(text, '2026-11-22T12:00Z', 3 * HOUR_MS + 1), 'closed till 2026-11-28T09:00Z');
    assert.equal(at('Mon 09:00-12:00', '2026-11-23T11:00Z', 2 * HOUR_MS), 'closed till 2026-11-30T09:00Z');
  });

  it('is told no opening where no window is long enough', () => {
    assert.equal(at(text, '2026-11-23T09:00Z', 8 * HOUR_MS), 'closed till 2026-11-28T09:00Z');
    assert.equal(at(text, '2026-11-23T09:00Z', 8 * HOUR_MS + 1), 'closed till ever');
    assert.equal(at(text, '2026-11-23T03:00Z', 30 * DAY_MS), 'closed till ever');
  });
});

describe('zones without summer time', () => {
  it('have their own midnight', () => {
    assert.equal(at('Mon 00:00-01:00 Asia/Kolkata', '2026-11-22T18:29Z'), 'closed till 2026-11-22T18:30Z');
    assert.equal(at('Mon 00:00-01:00 Asia/Kolkata', '2026-11-22T18:30Z'), 'open till 2026-11-22T19:30Z');
    assert.equal(at('Mon 00:00-24:00 Etc/GMT-14', '2026-11-22T10:00Z'), 'open till 2026-11-23T10:00Z');
    assert.equal(at('Mon 00:00-24:00 Etc/GMT+12', '2026-11-24T11:59Z'), 'open till 2026-11-24T12:00Z');
    assert.equal(at('Mon 00:00-24:00 Etc/GMT+12', '2026-11-23T11:59Z'), 'closed till 2026-11-23T12:00Z');
  });
});

describe('in the night in which the clocks', () => {
  it('jump forward, a window leaves out what is skipped', () => {
    const half = 'Sun 02:30-05:00 Europe/Berlin';
    assert.equal(at(half, '2026-03-29T00:30Z'), 'closed till 2026-03-29T01:00Z');
    assert.equal(at(half, '2026-03-29T01:00Z'), 'open till 2026-03-29T03:00Z');
    const skipped = 'Sun 02:00-03:00 Europe/Berlin';
    assert.equal(at(skipped, '2026-03-27T23:59Z'), 'closed till ever', 'a week later is too far ahead');
    assert.equal(at(skipped, '2026-03-28T00:00Z'), 'closed till 2026-04-05T00:00Z');
  });

  it('are set back, a window is open whenever the clock shows a time within it', () => {
    const text = 'Sun 02:30-02:45 Europe/Berlin';
    assert.equal(at(text, '2026-10-25T00:30Z'), 'open till 2026-10-25T00:45Z');
    assert.equal(at(text, '2026-10-25T00:45Z'), 'closed till 2026-10-25T01:30Z');
    assert.equal(at(text, '2026-10-25T01:30Z'), 'open till 2026-10-25T01:45Z');
  });
});

describe('the windows of many groups', () => {
  it('are computed once for all groups, even if restarts take different times', async () => {
    const windows = windowsOf('Sun 02:00-04:00 Europe/Berlin; Sun 22:00-23:00 Asia/Tokyo');
    const nowMs = Date.parse('2026-11-23T12:00Z');
    const askAll = () =>
      Array.from({ length: 500 }, (_, index) => windows(nowMs, 3 * HOUR_MS + index)).filter(Boolean);
    const { value, processorMs } = await processorTimeOf(askAll);
    assert.deepEqual(value, []);
    // It took 5 ms for each group.
    assert.ok(processorMs < 500, `it took ${processorMs} ms`);
  });
});
