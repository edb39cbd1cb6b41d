/** Decides which entries the journal keeps, so that it fits into its ConfigMap. Pure. */
import type { ConfigMapFacts } from '../../../peers/world.ts';
import { causeOf, TWICE } from '../restarts/past-restarts.ts';
import { formatJournal, hasHappened, isAhead, type JournalEntry, notAhead, readJournal } from './journal.ts';

type Data = Readonly<Record<string, string>>;

/** A ConfigMap holds 1 MiB. The rest is room to close open entries. */
const BYTES_MAX = 900 * 1024;
/** The most entries of one StatefulSet within 24 h, beside those that count against a restart for the same cause. */
const KEPT_MAX = { happened: 20, failed: 10 } as const;
/** Restarts within the hour are kept, because the hour's limit counts them. */
const HOUR_MS = 3_600_000;

/**
 * The journal's data with these entries for the group. A key that cannot be read is left as it is, for a person. While
 * the time is not certain, nothing is dropped and no date is changed.
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
 * Whether there is room for one more restart in a namespace; `data` already contains it. `full`: the entry could not be
 * closed any more. `spent`: the namespace's entries are larger than the room that is left for others.
 */
export function roomFor(namespace: string, data: Data): 'enough' | 'spent' | 'full' {
  const sizes = Object.entries(data).map(([key, text]) => key.length + Buffer.byteLength(text));
  const left = BYTES_MAX - sumOf(sizes);
  if (left < 0) return 'full';
  return bytesOf(namespace, data) > left ? 'spent' : 'enough';
}

/** The bytes of all entries of a namespace, under any key. */
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

/** The entries without the oldest ones of StatefulSets that have many. */
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
