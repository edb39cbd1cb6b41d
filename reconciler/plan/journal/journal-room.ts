/**
 * What the journal keeps, so that it never outgrows its ConfigMap: all groups' closed entries are dropped in time, and a
 * group without entries with them. Pure.
 */
import type { ConfigMapFacts } from '../../../peers/world.ts';
import { causeOf, TWICE } from '../restarts/past-restarts.ts';
import { formatJournal, hasHappened, isAhead, type JournalEntry, notAhead, readJournal } from './journal.ts';

type Data = Readonly<Record<string, string>>;

/** A ConfigMap takes 1 MiB; what is open must always have room to be closed. */
const BYTES_MAX = 900 * 1024;
/** Of one StatefulSet within 24 h, beside those that count against another restart for the same cause. */
const KEPT_MAX = { happened: 20, failed: 10 } as const;
/** Restarts within the hour are counted. */
const HOUR_MS = 3_600_000;

/**
 * The journal's data with these entries for the group. What cannot be read is left to a person. Without a time that is
 * sure nothing is dropped, and nothing dated anew.
 */
export function withEntries(
  journal: ConfigMapFacts,
  group: string,
  changed: readonly JournalEntry[],
  nowMs: number | undefined,
): Record<string, string> {
  const data: Record<string, string> = {};
  for (const key of new Set([...Object.keys(journal.data), group])) {
    const entries = key === group ? changed : readJournal(journal, key);
    const kept = entries && textOf(entries, nowMs);
    const text = kept ?? journal.data[key];
    if (text !== undefined && text !== EMPTY) data[key] = text;
  }
  return data;
}

function textOf(entries: readonly JournalEntry[], nowMs: number | undefined): string {
  if (nowMs === undefined) return formatJournal(entries, Number.NEGATIVE_INFINITY);
  const dated = entries.map((entry) => (isAhead(entry, nowMs) ? notAhead(entry, nowMs) : entry));
  return formatJournal(newest(dated, nowMs), nowMs);
}

/**
 * Whether one more may be begun in that namespace, with which the journal is `data`. `full`: it could not be closed any
 * more. `spent`: the namespace has more in it than is left, so that others would find no room soon.
 */
export function roomFor(namespace: string, data: Data): 'enough' | 'spent' | 'full' {
  const sizes = Object.entries(data).map(([key, text]) => key.length + Buffer.byteLength(text));
  const left = BYTES_MAX - sumOf(sizes);
  if (left < 0) return 'full';
  return bytesOf(namespace, data) > left ? 'spent' : 'enough';
}

/** How much the restarts of a namespace take, under whichever key. */
const bytesOf = (namespace: string, data: Data): number =>
  sumOf(
    Object.keys(data).map((key) => {
      const entries = readJournal({ data }, key) ?? [];
      const own = entries.filter(({ statefulSet }) => statefulSet.startsWith(`${namespace}/`));
      return own.length > 0 ? Buffer.byteLength(formatJournal(own, Number.NEGATIVE_INFINITY)) : 0;
    }),
  );

const sumOf = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0);

const EMPTY = formatJournal([], 0);

/** Without the older ones of StatefulSets that have many. */
function newest(entries: readonly JournalEntry[], nowMs: number): readonly JournalEntry[] {
  const counts = new Map<string, number>();
  const countOf = (key: string): number => {
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count;
  };
  const isKept = (entry: JournalEntry): boolean => {
    const { statefulSet, outcome, names, atMs } = entry;
    if (outcome === undefined) return true;
    const kind = hasHappened(entry) ? 'happened' : 'failed';
    const count = countOf(`${kind} ${statefulSet}`);
    const alike = countOf([statefulSet, causeOf(entry), outcome, names].join(' '));
    return count <= KEPT_MAX[kind] || alike <= TWICE || nowMs - atMs < HOUR_MS;
  };
  return entries.toReversed().filter(isKept).toReversed();
}
