/**
 * ROLLOUT_WINDOWS: the times of the week, in named time zones, at which restarts may begin. Owns the syntax and its
 * meaning; rate-limit.ts holds restarts outside a window. Pure.
 */

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** How far ahead to look for the next opening or closing. Every window occurs once a week. */
const HORIZON_DAYS = 8;
/** Windows are computed for this many days, so that a window that opens at the horizon has its full length. */
const LAID_OUT_DAYS = 16;
/** 1970-01-01 was a Thursday; weekdays are counted from Sunday. */
const EPOCH_WEEKDAY = 4;
const DAY_NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** From one instant or local time to another, in ms; the end is not included. */
interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** A window on some weekdays. `endMinute` is counted from the same midnight, so it is over 1,440 on the next day. */
interface Rule {
  readonly weekdays: readonly number[];
  readonly startMinute: number;
  readonly endMinute: number;
}

interface Zone {
  readonly name: string;
  /** How far the zone's clocks are ahead of UTC at an instant, in ms. */
  readonly offsetMs: (atMs: number) => number;
}

interface ZoneRules {
  readonly zone: Zone;
  readonly rules: readonly Rule[];
}

/** When restarts may begin, as parseWindows has read it. */
export interface Windows {
  /** The windows from shortly before a day on (days are counted from 1970-01-01 UTC), merged and in order. */
  readonly spansNear: (day: number) => readonly Span[];
}

type WindowState =
  /** Without `closesAtMs`, the window stays open for the next 8 days. */
  | { readonly kind: 'open'; readonly closesAtMs?: number }
  /** Without `opensAtMs`, no window of the next 8 days is long enough. */
  | { readonly kind: 'closed'; readonly opensAtMs: number | undefined };

/** Joins spans that overlap or touch. */
function merged(spans: readonly Span[]): readonly Span[] {
  const result: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.startMs - b.startMs)) {
    const last = result.at(-1);
    if (!last || span.startMs > last.endMs) result.push(span);
    else result[result.length - 1] = { startMs: last.startMs, endMs: Math.max(last.endMs, span.endMs) };
  }
  return result;
}

/** The zone, or undefined if the name is not known. Offsets such as +02:00 are refused: they have no summer time. */
function zoneOf(name: string): Zone | undefined {
  if (!/^[a-z]/i.test(name)) return undefined;
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
    return { name: format.resolvedOptions().timeZone, offsetMs: (atMs) => readOffsetMs(format.format(atMs)) };
  } catch {
    return undefined;
  }
}

/** The offset at the end of a formatted date, such as `11/23/2026, GMT-03:30`. */
function readOffsetMs(formatted: string): number {
  const [, sign, hours = 0, minutes = 0, seconds = 0] =
    /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(formatted) ?? [];
  const size = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -size : size;
}

/** The instant at which the zone's clocks jump over a local time. Searches by halving. */
function jumpOver(zone: Zone, localMs: number, beforeMs: number, afterMs: number): number {
  let low = localMs - afterMs;
  let high = localMs - beforeMs;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zone.offsetMs(middle) === beforeMs) low = middle;
    else high = middle;
  }
  return high;
}

/** The first and the last instant at which the zone's clocks show a time. They differ if the clocks are set back. */
function instantsOf(zone: Zone, localMs: number): readonly [number, number] {
  const beforeMs = zone.offsetMs(localMs - DAY_MS);
  const afterMs = zone.offsetMs(localMs + DAY_MS);
  const instants = [localMs - beforeMs, localMs - afterMs];
  const [first, second] = instants.filter((instant) => instant + zone.offsetMs(instant) === localMs);
  if (first !== undefined) return [first, second ?? first];
  const jump = jumpOver(zone, localMs, beforeMs, afterMs);
  return [jump, jump];
}

/**
 * The instants of a window that is given in local time. If the clocks jump over its start or end, the jump counts. If
 * its start comes twice, the second one counts; if its end does, the first after the start. So a window has one part,
 * and is never open while a clock on the wall shows a time outside it.
 */
function instantSpan(zone: Zone, local: Span): Span {
  const [, startMs] = instantsOf(zone, local.startMs);
  const [first, second] = instantsOf(zone, local.endMs);
  return { startMs, endMs: first > startMs ? first : second };
}

/** The window of a rule that begins on a day, in local time; none if the rule has another day of the week. */
function localSpans(rule: Rule, day: number): readonly Span[] {
  if (!rule.weekdays.includes((day + EPOCH_WEEKDAY) % 7)) return [];
  const at = (minute: number) => day * DAY_MS + minute * MINUTE_MS;
  return [{ startMs: at(rule.startMinute), endMs: at(rule.endMinute) }];
}

/**
 * The zone's windows around a day. They are merged in local time, so that two windows that meet stay one when the clocks
 * change.
 */
function zoneSpans({ zone, rules }: ZoneRules, nearDay: number): readonly Span[] {
  const days = Array.from({ length: LAID_OUT_DAYS + 3 }, (_, index) => nearDay - 3 + index);
  const locals = days.flatMap((day) => rules.flatMap((rule) => localSpans(rule, day)));
  return merged(locals)
    .map((local) => instantSpan(zone, local))
    .filter(({ startMs, endMs }) => startMs < endMs);
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

/** `HH:MM` as minute of the day, at most `maxMinute`, or undefined. */
function minuteOf(text: string, maxMinute: number): number | undefined {
  const [, hours, minutes] = /^(\d\d):([0-5]\d)$/.exec(text) ?? [];
  const minute = Number(hours) * 60 + Number(minutes);
  return minute <= maxMinute ? minute : undefined;
}

/** One entry, such as `Sat,Sun 22:00-02:00 Europe/Berlin`, or undefined. */
function parseEntry(text: string): ZoneRules | undefined {
  const [days = '', times = '', zoneName = 'UTC', ...more] = text.trim().split(/\s+/);
  const [start = '', end = '', ...others] = times.split('-');
  if (more.length > 0 || others.length > 0) return undefined;
  const weekdays = weekdaysOf(days);
  const startMinute = minuteOf(start, 24 * 60 - 1);
  const endMinute = minuteOf(end, 24 * 60);
  const zone = zoneOf(zoneName);
  if (!weekdays || startMinute === undefined || endMinute === undefined || !zone) return undefined;
  const sameDay = endMinute > startMinute;
  return { zone, rules: [{ weekdays, startMinute, endMinute: sameDay ? endMinute : endMinute + 24 * 60 }] };
}

/** One entry for each zone, with all rules of that zone. */
function byZone(entries: readonly ZoneRules[]): readonly ZoneRules[] {
  const zones = new Map<string, ZoneRules>();
  for (const { zone, rules } of entries)
    zones.set(zone.name, { zone, rules: [...(zones.get(zone.name)?.rules ?? []), ...rules] });
  return [...zones.values()];
}

const ALWAYS: readonly Span[] = [{ startMs: Number.NEGATIVE_INFINITY, endMs: Number.POSITIVE_INFINITY }];

/**
 * Reads ROLLOUT_WINDOWS: entries `<days> <HH:MM>-<HH:MM> [<zone>]`, separated by semicolons. Days are `daily`, or
 * a list of three-letter English names and ranges of them, which may go over the week's end. An end that is not
 * after its start is on the next day; 24:00 is a valid end. The zone is an IANA name, or UTC if none is given.
 * An empty text means always open. Undefined if the text cannot be read.
 */
export function parseWindows(text: string): Windows | undefined {
  if (text.trim() === '') return { spansNear: () => ALWAYS };
  const entries = text.split(';').map(parseEntry);
  if (!entries.every((entry) => entry !== undefined)) return undefined;
  const zones = byZone(entries);
  let laidOut: { readonly day: number; readonly spans: readonly Span[] } | undefined;
  const spansNear = (day: number): readonly Span[] => {
    // Kept, because every validator of every pass asks about the same day.
    if (laidOut?.day === day) return laidOut.spans;
    laidOut = { day, spans: merged(zones.flatMap((zoned) => zoneSpans(zoned, day))) };
    return laidOut.spans;
  };
  return { spansNear };
}

/**
 * Whether a restart that needs `neededMs` may begin at `nowMs` (ms since 1970). A window that closes too early for the
 * restart counts as closed; `opensAtMs` is then the next opening of a window that is long enough.
 */
export function windowAt(windows: Windows, nowMs: number, neededMs: number): WindowState {
  const spans = windows.spansNear(Math.floor(nowMs / DAY_MS));
  const horizonMs = nowMs + HORIZON_DAYS * DAY_MS;
  const current = spans.find(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs);
  if (current && current.endMs - nowMs >= neededMs)
    return current.endMs <= horizonMs ? { kind: 'open', closesAtMs: current.endMs } : { kind: 'open' };
  const next = spans.find(({ startMs, endMs }) => startMs > nowMs && endMs - startMs >= neededMs);
  return { kind: 'closed', opensAtMs: next && next.startMs <= horizonMs ? next.startMs : undefined };
}
