/** A problem of a quorum set, and the line of the text that has it. */
import { quoted } from '../field.ts';
import { greatestOf } from '../lists.ts';

/** Thrown inside the readers of quorum sets, caught by `readQuorumSet`. */
export class QuorumProblem extends Error {
  override readonly name = 'QuorumProblem';
  /** Path of the key or table that is wrong, such as `QUORUM_SET.x.VALIDATORS` or `HOME_DOMAINS[2].QUALITY`. */
  readonly place: string;
  /** The list entry that is wrong, if `place` is a list. */
  readonly entry: string | undefined;

  constructor(message: string, place: string, entry?: string) {
    super(message);
    this.place = place;
    this.entry = entry;
  }
}

/** The number, from 1, of the line at `place`; if no line has that path, of the nearest table around it, else 1. */
export function lineOf({ place, entry }: QuorumProblem, text: string): number {
  const lines = text.split('\n');
  const wanted = bare(place);
  const shared = pathsOf(lines).map((path = '') => sharedLength(path, wanted));
  const most = greatestOf(shared, 0);
  return most === 0 ? 1 : 1 + entryLine(lines, shared.indexOf(most), entry);
}

/** The first line from `start` on that contains the entry in quotes; `start` if none does. */
function entryLine(lines: readonly string[], start: number, entry: string | undefined): number {
  if (entry === undefined) return start;
  const quoted = [`"${entry}"`, `'${entry}'`];
  const found = lines.findIndex((line, at) => at >= start && quoted.some((each) => line.includes(each)));
  return found < 0 ? start : found;
}

/** Longer than any path in a quorum set that people write. */
const PATH_LENGTH_MAX = 300;

/** A path without quotes and blanks, which TOML allows around each key. */
const bare = (path: string): string => path.replace(/["'\s]/g, '').slice(0, PATH_LENGTH_MAX);

/** The length of the longest path that is, or is around, both. In one pass, since each line is compared. */
function sharedLength(a: string, b: string): number {
  let length = 0;
  for (let at = 0; at <= a.length && at <= b.length; at += 1) {
    if (endsAt(a, at) && endsAt(b, at)) length = at;
    if (a[at] !== b[at]) break;
  }
  return length;
}

const endsAt = (path: string, at: number): boolean =>
  at === path.length || path[at] === '.' || path[at] === '[';

/** The path that each line opens or sets; undefined for comments and continued lines. */
function pathsOf(lines: readonly string[]): Array<string | undefined> {
  const counts = new Map<string, number>();
  let table = '';
  return lines.map((line) => {
    const code = line.trimStart();
    if (code.startsWith('[')) {
      table = tableOf(code, counts);
      return table;
    }
    const end = code.startsWith('#') ? -1 : code.indexOf('=');
    if (end <= 0) return undefined;
    const key = bare(code.slice(0, end));
    return table === '' ? key : `${table}.${key}`;
  });
}

/** The path of a table's header. The path of an entry in an array of tables ends with its index. */
function tableOf(header: string, counts: Map<string, number>): string {
  const isArray = header.startsWith('[[');
  const end = header.indexOf(']');
  const name = bare(header.slice(isArray ? 2 : 1, end < 0 ? undefined : end));
  if (!isArray) return name;
  const count = counts.get(name) ?? 0;
  counts.set(name, count + 1);
  return `${name}[${count}]`;
}

/** A value as a reason shows it: a text in quotes and shortened, else only its type. */
export const shownValue = (value: unknown): string =>
  typeof value === 'string' ? quoted(value) : `a ${kindOf(value)}`;

const kindOf = (value: unknown): string =>
  Array.isArray(value)
    ? 'list'
    : value instanceof Date
      ? 'date'
      : typeof value === 'bigint'
        ? 'number'
        : typeof value;
