import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closingOf, windowsOf } from './windows.ts';

const DAY_MS = 86_400_000;

/** The stretches in which restarts may begin, from noon before the day until it is over everywhere, in UTC. */
function stretches(text: string, day: string): string[] {
  const windows = windowsOf(text);
  const found: string[] = [];
  let nowMs = Date.parse(`${day}T12:00Z`) - DAY_MS;
  const endMs = nowMs + 2 * DAY_MS;
  while (nowMs < endMs) {
    const opensAtMs = windows(nowMs, 0) ?? endMs;
    const closesAtMs = Math.min(closingOf(windows, opensAtMs) ?? endMs, endMs);
    const time = (ms: number) => new Date(ms).toISOString().slice(8, 16);
    if (opensAtMs < endMs) found.push(`${time(opensAtMs)} ${time(closesAtMs)}`);
    nowMs = Math.max(opensAtMs, closesAtMs);
  }
  return found;
}

interface Night {
  readonly zone: string;
  readonly day: string;
  /** By local times: the stretches of that night, as `day T time` in UTC. */
  readonly expected: Readonly<Record<string, string[]>>;
}

const FORWARD: readonly Night[] = [
  {
    zone: 'Europe/Berlin', // 29 March, 01:00 UTC: from 02:00 to 03:00
    day: '2026-03-29',
    expected: {
      '01:00-05:00': ['29T00:00 29T03:00'],
      '02:30-05:00': ['29T01:00 29T03:00'],
      '01:00-02:30': ['29T00:00 29T01:00'],
      '02:00-03:00': [],
      '02:10-02:50': [],
      '03:00-04:00': ['29T01:00 29T02:00'],
      '22:00-02:30': ['28T21:00 29T01:00'],
    },
  },
  {
    zone: 'America/New_York', // 8 March, 07:00 UTC: from 02:00 to 03:00
    day: '2026-03-08',
    expected: {
      '01:30-03:30': ['08T06:30 08T07:30'],
      '02:59-03:01': ['08T07:00 08T07:01'],
      '02:00-02:59': [],
    },
  },
  {
    zone: 'Australia/Lord_Howe', // 4 October, 15:30 UTC of the 3rd: from 02:00 to 02:30
    day: '2026-10-04',
    expected: {
      '02:10-03:00': ['03T15:30 03T16:00'],
      '02:00-02:30': [],
      '01:30-02:20': ['03T15:00 03T15:30'],
      '02:30-02:40': ['03T15:30 03T15:40'],
    },
  },
];

const BACK: readonly Night[] = [
  {
    zone: 'Europe/Berlin', // 25 October, 01:00 UTC: from 03:00 to 02:00
    day: '2026-10-25',
    expected: {
      '01:00-04:00': ['24T23:00 25T03:00'],
      '01:00-02:30': ['24T23:00 25T00:30', '25T01:00 25T01:30'],
      '02:30-04:00': ['25T00:30 25T01:00', '25T01:30 25T03:00'],
      '02:30-02:45': ['25T00:30 25T00:45', '25T01:30 25T01:45'],
      '02:00-03:00': ['25T00:00 25T02:00'],
      '01:00-02:00': ['24T23:00 25T00:00'],
      '03:00-04:00': ['25T02:00 25T03:00'],
    },
  },
  {
    zone: 'America/New_York', // 1 November, 06:00 UTC: from 02:00 to 01:00
    day: '2026-11-01',
    expected: {
      '00:30-01:30': ['01T04:30 01T05:30', '01T06:00 01T06:30'],
      '01:30-02:30': ['01T05:30 01T06:00', '01T06:30 01T07:30'],
      '01:59-02:00': ['01T05:59 01T06:00', '01T06:59 01T07:00'],
    },
  },
  {
    zone: 'Australia/Lord_Howe', // 5 April, 15:00 UTC of the 4th: from 02:00 to 01:30
    day: '2026-04-05',
    expected: {
      '01:00-01:45': ['04T14:00 04T14:45', '04T15:00 04T15:15'],
      '01:45-02:15': ['04T14:45 04T15:00', '04T15:15 04T15:45'],
      '01:00-02:00': ['04T14:00 04T15:30'],
    },
  },
];

function check({ zone, day, expected }: Night): void {
  const names = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
  const weekday = new Date(day).getUTCDay();
  for (const [times, found] of Object.entries(expected)) {
    const [start = '', end = ''] = times.split('-');
    const name = names[end < start ? (weekday + 6) % 7 : weekday];
    assert.deepEqual(stretches(`${name} ${times} ${zone}`, day), found, `${times} in ${zone}`);
  }
}

describe('in the night in which the clocks', () => {
  it('jump forward, a window leaves out what is skipped', () => {
    for (const night of FORWARD) check(night);
  });

  it('skip a window altogether, the one a week later is too far ahead to be told', () => {
    const windows = windowsOf('Sun 02:00-03:00 Europe/Berlin');
    const openingAt = (time: string) => windows(Date.parse(time), 0);
    assert.equal(openingAt('2026-03-22T02:00Z'), undefined);
    assert.equal(openingAt('2026-03-27T23:59Z'), undefined);
    assert.equal(openingAt('2026-03-28T00:00Z'), Date.parse('2026-04-05T00:00Z'));
  });

  it('are set back, a window is open whenever the clock shows a time within it', () => {
    for (const night of BACK) check(night);
  });

  it('are set back, windows that touch stay one', () => {
    const two = 'Sat 20:00-24:00 Europe/Berlin;Sun 00:00-02:30 Europe/Berlin;Sun 02:30-05:00 Europe/Berlin';
    assert.deepEqual(stretches(two, '2026-10-25'), ['24T18:00 25T04:00']);
    assert.deepEqual(stretches('daily 00:00-24:00 America/Havana', '2026-11-01'), ['31T12:00 02T12:00']);
  });
});
