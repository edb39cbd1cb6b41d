/**
 * ROLLOUT_WINDOWS: the times of the week, in named time zones, at which restarts may begin. Owns the syntax and its
 * meaning; rate-limit.ts holds restarts outside a window. The wall clock of the zone decides minute by minute, so a change
 * of the clocks needs no rule of its own. Pure.
 */

const MINUTE_MS = 60_000;
/** Clocks are changed at a whole half hour of UTC. */
const HALF_HOUR_MS = 30 * MINUTE_MS;
const DAY_MINUTES = 1_440;
const DAY_MS = DAY_MINUTES * MINUTE_MS;
/** How far ahead to look for the next opening. Every window occurs once a week. */
const HORIZON_MS = 8 * DAY_MS;
/** 1970-01-01 was a Thursday; weekdays are counted from Sunday. */
const EPOCH_WEEKDAY = 4;
const DAY_NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** How far the clocks of a zone are ahead of UTC at an instant, in ms. */
type OffsetMs = (atMs: number) => number;

/** A window on some weekdays. `endMinute` is counted from the same midnight, so it is over 1,440 on the next day. */
interface Entry {
  readonly weekdays: readonly number[];
  readonly startMinute: number;
  readonly endMinute: number;
  readonly offsetMs: OffsetMs;
}

/** When a stretch of `neededMs` begins, at `nowMs` or later; undefined if none does within 8 days. Ms since 1970. */
export type Windows = (nowMs: number, neededMs: number) => number | undefined;

/** The offsets of a zone; undefined if the name is not known. Names such as +02:00 are refused: they have no summer time. */
function zoneOf(name: string): OffsetMs | undefined {
  if (!/^[a-z]/i.test(name)) return undefined;
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
    return offsetsBy((atMs) => readOffsetMs(format.format(atMs)));
  } catch {
    return undefined;
  }
}

/** Remembers offsets, because to ask for one takes as long as a thousand looks at a minute. */
function offsetsBy(ask: OffsetMs): OffsetMs {
  const known = new Map<number, number>();
  return (atMs) => {
    const halfHourMs = atMs - (atMs % HALF_HOUR_MS);
    const offsetMs = known.get(halfHourMs) ?? ask(halfHourMs);
    known.set(halfHourMs, offsetMs);
    return offsetMs;
  };
}

/** The offset at the end of a formatted date, such as `11/23/2026, GMT-03:30`. */
function readOffsetMs(formatted: string): number {
  const [, sign, hours = 0, minutes = 0, seconds = 0] =
    /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(formatted) ?? [];
  const size = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -size : size;
}

function isOpenAt({ weekdays, startMinute, endMinute, offsetMs }: Entry, atMs: number): boolean {
  const minute = Math.floor((atMs + offsetMs(atMs)) / MINUTE_MS);
  const weekday = Math.floor(minute / DAY_MINUTES) + EPOCH_WEEKDAY;
  const isIn = (day: number, ofDay: number) =>
    weekdays.includes(day % 7) && startMinute <= ofDay && ofDay < endMinute;
  const ofDay = minute % DAY_MINUTES;
  return isIn(weekday, ofDay) || isIn(weekday - 1, ofDay + DAY_MINUTES);
}

/** `Mon`, `Fri-Mon`: the weekdays, or undefined. */
function weekdayRange(text: string): readonly number[] | undefined {
  const [from = '', to = from, ...more] = text.split('-');
  const [first, last] = [DAY_NAMES.indexOf(from), DAY_NAMES.indexOf(to)];
  if (first < 0 || last < 0 || more.length > 0) return undefined;
  const length = ((last - first + 7) % 7) + 1;
  return Array.from({ length }, (_, index) => (first + index) % 7);
}

/** `Mon-Fri`, `Sat,Sun`, `daily`: the weekdays, or undefined. */
function weekdaysOf(text: string): readonly number[] | undefined {
  const lower = text.toLowerCase();
  const ranges = (lower === 'daily' ? 'sun-sat' : lower).split(',').map(weekdayRange);
  return ranges.every((range) => range !== undefined) ? ranges.flat() : undefined;
}

function minuteOf(text: string, maxMinute: number): number | undefined {
  const [, hours, minutes] = /^(\d\d):([0-5]\d)$/.exec(text) ?? [];
  const minute = Number(hours) * 60 + Number(minutes);
  return minute <= maxMinute ? minute : undefined;
}

/** One entry, such as `Sat,Sun 22:00-02:00 Europe/Berlin`, or undefined. */
function parseEntry(text: string): Entry | undefined {
  const [days = '', times = '', zoneName = 'UTC', ...more] = text.trim().split(/\s+/);
  const [start = '', end = '', ...others] = times.split('-');
  if (more.length > 0 || others.length > 0) return undefined;
  const weekdays = weekdaysOf(days);
  const startMinute = minuteOf(start, DAY_MINUTES - 1);
  const endMinute = minuteOf(end, DAY_MINUTES);
  const offsetMs = zoneOf(zoneName);
  if (!weekdays || startMinute === undefined || endMinute === undefined || !offsetMs) return undefined;
  const nextDay = endMinute > startMinute ? 0 : DAY_MINUTES;
  return { weekdays, startMinute, endMinute: endMinute + nextDay, offsetMs };
}

/**
 * Reads ROLLOUT_WINDOWS: entries `<days> <HH:MM>-<HH:MM> [<zone>]`, separated by semicolons. Days are `daily`, or
 * a list of three-letter English names and ranges of them, which may go over the week's end. An end that is not
 * after its start is on the next day; 24:00 is a valid end. The zone is an IANA name, or UTC if none is given.
 * An empty text means always open. Undefined if the text cannot be read.
 */
export function parseWindows(text: string): Windows | undefined {
  if (text.trim() === '') return (nowMs) => nowMs;
  const entries = text.split(';').map(parseEntry);
  if (!entries.every((entry) => entry !== undefined)) return undefined;
  let foundAtMs = Number.NaN;
  /** The openings from `foundAtMs` on, by the minutes needed. Kept, because every group of a plan asks at the same time. */
  const found = new Map<number, number | undefined>();
  return (nowMs, neededMs) => {
    if (nowMs !== foundAtMs) found.clear();
    foundAtMs = nowMs;
    const minutes = Math.ceil(neededMs / MINUTE_MS);
    if (!found.has(minutes)) found.set(minutes, openingIn(entries, nowMs, minutes * MINUTE_MS));
    return found.get(minutes);
  };
}

/** Looks at one minute after the other. */
function openingIn(entries: readonly Entry[], nowMs: number, neededMs: number): number | undefined {
  let startMs: number | undefined;
  for (let atMs = nowMs; (startMs ?? atMs) <= nowMs + HORIZON_MS; atMs += MINUTE_MS - (atMs % MINUTE_MS)) {
    if (startMs !== undefined && atMs - startMs >= neededMs) return startMs;
    const isOpen = entries.some((entry) => isOpenAt(entry, atMs));
    startMs = isOpen ? (startMs ?? atMs) : undefined;
  }
  return undefined;
}
