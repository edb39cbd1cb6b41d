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

/** Asks once for each day, and for each half hour of a day on which the clocks are changed. */
function offsetsBy(ask: OffsetMs): OffsetMs {
  const known = new Map<number, number>();
  const at = (atMs: number): number => {
    const offsetMs = known.get(atMs) ?? ask(atMs);
    known.set(atMs, offsetMs);
    return offsetMs;
  };
  return (atMs) => {
    const dayMs = atMs - (atMs % DAY_MS);
    return at(at(dayMs) === at(dayMs + DAY_MS) ? dayMs : atMs - (atMs % HALF_HOUR_MS));
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
  let search = new Search(entries, Number.NaN);
  return (nowMs, neededMs) => {
    // Kept, because every group of a plan asks at the same time.
    if (search.nowMs !== nowMs) search = new Search(entries, nowMs);
    return search.openingFor(neededMs);
  };
}

/** A time in which a window is open without a break. */
interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
}

/** Looks at the minutes from `nowMs` on in order, at each once, and only as far as an answer needs. */
class Search {
  readonly nowMs: number;
  readonly #entries: readonly Entry[];
  readonly #ended: Stretch[] = [];
  #startMs: number | undefined;
  /** The next minute to look at. */
  #atMs: number;

  constructor(entries: readonly Entry[], nowMs: number) {
    this.#entries = entries;
    this.nowMs = nowMs;
    this.#atMs = nowMs;
  }

  openingFor(neededMs: number): number | undefined {
    const ended = this.#ended.find(({ startMs, endMs }) => endMs - startMs >= neededMs);
    if (ended) return ended.startMs;
    while ((this.#startMs ?? this.#atMs) <= this.nowMs + HORIZON_MS) {
      if (this.#startMs !== undefined && this.#atMs - this.#startMs >= neededMs) return this.#startMs;
      this.#look();
    }
    return undefined;
  }

  #look(): void {
    const atMs = this.#atMs;
    const isOpen = this.#entries.some((entry) => isOpenAt(entry, atMs));
    if (isOpen) this.#startMs ??= atMs;
    else if (this.#startMs !== undefined) {
      this.#ended.push({ startMs: this.#startMs, endMs: atMs });
      this.#startMs = undefined;
    }
    this.#atMs += MINUTE_MS - (atMs % MINUTE_MS);
  }
}
