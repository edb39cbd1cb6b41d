import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { runsOf } from '../runs.ts';
import { windowsOf } from './windows.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'America/Havana',
];
const MORE_ZONES = [
  'Atlantic/Azores',
  'Europe/Dublin',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'Pacific/Chatham',
];
/** Clock changes of 2026 in these zones, so that random instants are often near one. */
const CHANGES = [
  '03-08T05:00',
  '03-08T07:00',
  '03-29T01:00',
  '04-04T14:00',
  '04-04T15:00',
  '09-26T14:00',
].concat(['10-03T15:30', '10-25T01:00', '11-01T05:00', '11-01T06:00']);

const NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
interface Entry {
  readonly days: readonly string[];
  readonly start: number;
  readonly end: number;
  readonly zone: string;
}
const hhmm = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
const textOf = (entries: readonly Entry[]): string =>
  entries
    .map(({ days, start, end, zone }) => `${days.join(',')} ${hhmm(start)}-${hhmm(end)} ${zone}`)
    .join('; ');

const formats = new Map<string, Intl.DateTimeFormat>();
/** What the clock on the wall shows: `Sun 02:30` as a weekday's name and the minute of the day. */
function wallClock(zone: string, atMs: number): { day: string; minute: number } {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
    });
  formats.set(zone, format);
  const [, day = '', hours, minutes] = /^(\w{3}),? (\d\d):(\d\d)$/.exec(format.format(atMs)) ?? [];
  assert.ok(NAMES.includes(day), format.format(atMs));
  return { day, minute: Number(hours) * 60 + Number(minutes) };
}

function isOpenOnTheWall({ days, start, end, zone }: Entry, atMs: number): boolean {
  const { day, minute } = wallClock(zone, atMs);
  const yesterday = NAMES[(NAMES.indexOf(day) + 6) % 7] ?? '';
  if (end > start) return days.includes(day) && minute >= start && minute < end;
  return (days.includes(day) && minute >= start) || (days.includes(yesterday) && minute < end);
}

const near = (text: string) =>
  fc.integer({ min: -180, max: 180 }).map((minutes) => Date.parse(`2026-${text}Z`) + minutes * MINUTE_MS);
const anywhere = fc.integer({ min: Date.parse('2024-01-01') / 1000, max: Date.parse('2028-01-01') / 1000 });
const instant = fc.oneof(
  fc.constantFrom(...CHANGES).chain(near),
  anywhere.map((seconds) => seconds * 1000),
);
const minuteOfNight = fc.oneof(
  fc.integer({ min: 0, max: 1439 }),
  fc.integer({ min: 0, max: 20 }).map((n) => n * 15),
);
const entry: fc.Arbitrary<Entry> = fc.record({
  days: fc.subarray(NAMES, { minLength: 1 }),
  start: minuteOfNight,
  end: fc.oneof(minuteOfNight, fc.constant(1440)),
  zone: fc.constantFrom(...ZONES, ...MORE_ZONES),
});
const entriesOf = fc.array(entry, { minLength: 1, maxLength: 3 });

describe('at any instant', () => {
  it('a window is open exactly if the local wall clock is within it', () => {
    fc.assert(
      fc.property(entriesOf, instant, (entries, atMs) => {
        const isOpen = windowsOf(textOf(entries))(atMs, 0) === atMs;
        const onTheWall = entries.some((one) => isOpenOnTheWall(one, atMs));
        assert.equal(isOpen, onTheWall, textOf(entries));
      }),
      { numRuns: runsOf(3000) },
    );
  });

  it('the reported opening is the next one that is long enough', () => {
    const needed = fc.constantFrom(0, 1, 10 * MINUTE_MS, 3 * HOUR_MS, 30 * HOUR_MS);
    fc.assert(
      fc.property(entriesOf, instant, needed, (entries, atMs, neededMs) => {
        const windows = windowsOf(textOf(entries));
        const opensAtMs = windows(atMs, neededMs);
        const untilMs = opensAtMs ?? atMs + 8 * DAY_MS;
        const stepMs = Math.max(MINUTE_MS, (untilMs - atMs) / 50);
        for (let ms = atMs; ms < untilMs; ms += stepMs) assert.notEqual(windows(ms, neededMs), ms);
        if (opensAtMs === undefined) return;
        assert.equal(windows(opensAtMs, neededMs), opensAtMs);
        for (let ms = opensAtMs; ms < opensAtMs + neededMs; ms += Math.max(MINUTE_MS, neededMs / 50))
          assert.ok(entries.some((one) => isOpenOnTheWall(one, ms)));
      }),
      { numRuns: runsOf(300) },
    );
  });
});
