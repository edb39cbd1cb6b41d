/**
 * The journal of restarts: what we meant to do, before we did it, and what became of it. Pure.
 * One key per group in ConfigMap `stellar-peers-restarts`; written only with the resourceVersion read, so
 * that it is a fence between two leaders.
 */
import { fieldsOf, listOf, numberOf, parseJson, textOf, timeOf } from '../../../peers/field.ts';
import type { ConfigMapFacts, Key } from '../../../peers/world.ts';

/** How long closed entries are kept: rates and "restarts in 24 h" are read from them. */
const KEPT_MS = 24 * 3_600_000;
/** A pod that was left bare stops its group for as long as it is there; one that is gone must not fill the journal. */
const BARE_KEPT_MS = 30 * KEPT_MS;

export type RestartKind = 'bump' | 'delete';

/**
 * `done` as wished · `notInjected` came back without injection · `unwitnessed` came back so, or was replaced again by
 * others, while there was no leader · `void` it never happened · `defused` taken back before a pod was replaced ·
 * `gone` with its StatefulSet.
 */
export type Outcome = 'done' | 'notInjected' | 'unwitnessed' | 'void' | 'defused' | 'gone';

export interface JournalEntry {
  readonly statefulSet: Key;
  readonly kind: RestartKind;
  /** UIDs of the pods to be replaced. */
  readonly uids: readonly string[];
  /** Their names; absent in entries of earlier versions. */
  readonly names?: readonly string[];
  /** Value of the template annotation (bump), or the same form for a delete. */
  readonly token: string;
  /** True where the HTTP port of one of the pods answered before. */
  readonly answered?: boolean;
  /** resourceVersion that the write of a bump is on condition of. */
  readonly version?: string;
  readonly drift: string;
  readonly atMs: number;
  readonly outcome?: Outcome;
  readonly endedAtMs?: number;
  /** UIDs of the pods that were there in place of those when it ended; absent in entries of before 0.2. */
  readonly after?: readonly string[];
  /** Why it was taken back, or, while it is open, is about to be: a code. */
  readonly why?: string;
  /** `metadata.generation` of the StatefulSet when it was taken back; absent in entries of before 0.2. */
  readonly generation?: number;
}

const OUTCOMES: readonly string[] = [
  'done',
  'notInjected',
  'unwitnessed',
  'void',
  'defused',
  'gone',
] satisfies Outcome[];

const textsOf = (raw: unknown): string[] | undefined =>
  Array.isArray(raw) ? raw.filter((each) => typeof each === 'string') : undefined;

const optional = <K extends keyof JournalEntry>(
  key: K,
  value: JournalEntry[K] | undefined,
): Pick<JournalEntry, K> | object => (value === undefined ? {} : { [key]: value });

function parseEntry(raw: Readonly<Record<string, unknown>>): JournalEntry | undefined {
  const { kind, outcome } = raw;
  const atMs = timeOf(raw.at);
  const statefulSet = textOf(raw.statefulSet);
  const token = textOf(raw.token);
  if ((kind !== 'bump' && kind !== 'delete') || !Array.isArray(raw.uids)) return undefined;
  if (atMs === undefined || statefulSet === undefined || token === undefined) return undefined;
  const uids = raw.uids.filter((uid) => typeof uid === 'string');
  const entry: JournalEntry = {
    ...{ statefulSet, uids, token, atMs, drift: textOf(raw.drift) ?? '' },
    kind,
    ...optional('version', textOf(raw.version)),
    ...optional('answered', raw.answered === true || undefined),
    ...optional('why', textOf(raw.why)),
    ...optional('generation', numberOf(raw.generation)),
    ...optional('names', textsOf(raw.names)),
    ...optional('after', textsOf(raw.after)),
  };
  if (outcome === undefined) return entry;
  if (!OUTCOMES.includes(outcome as string)) return undefined;
  return { ...entry, outcome: outcome as Outcome, endedAtMs: timeOf(raw.endedAt) ?? atMs };
}

/**
 * The entries of one group, oldest first; undefined where the text cannot be read in full, which must stop
 * the group: what is under way is not known then.
 */
export function readJournal(
  journal: Pick<ConfigMapFacts, 'data'> | undefined,
  group: string,
): readonly JournalEntry[] | undefined {
  const text = journal?.data[group];
  if (text === undefined) return [];
  const { restarts } = fieldsOf(parseJson(text));
  if (!Array.isArray(restarts)) return undefined;
  const entries = listOf(restarts).map(parseEntry);
  const readable = entries.filter((entry) => entry !== undefined);
  return readable.length === restarts.length ? readable : undefined;
}

/** Clocks of leaders may be apart by less. */
const AHEAD_MS = 60_000;

/** True for what a clock dated that was wrong: then, or it is now. */
export const isAhead = ({ atMs, endedAtMs = atMs }: JournalEntry, nowMs: number): boolean =>
  Math.max(atMs, endedAtMs) > nowMs + AHEAD_MS;

/** `entry`, and what is ahead of now as of now: waits that it causes are no longer than usual. */
export const notAhead = (entry: JournalEntry, nowMs: number): JournalEntry => ({
  ...entry,
  atMs: Math.min(entry.atMs, nowMs),
  ...optional('endedAtMs', entry.endedAtMs && Math.min(entry.endedAtMs, nowMs)),
});

const keptMs = ({ outcome }: JournalEntry): number => {
  if (outcome === undefined) return Number.POSITIVE_INFINITY;
  return outcome === 'notInjected' ? BARE_KEPT_MS : KEPT_MS;
};

/** The entries as they stand in the ConfigMap, without closed ones that are older than 24 h. */
export function formatJournal(entries: readonly JournalEntry[], nowMs: number): string {
  const restarts = entries
    .filter((entry) => nowMs - entry.atMs < keptMs(entry))
    .map(({ atMs, endedAtMs, ...rest }) => ({
      at: new Date(atMs).toISOString(),
      ...rest,
      ...(endedAtMs === undefined ? {} : { endedAt: new Date(endedAtMs).toISOString() }),
    }));
  return `${JSON.stringify({ restarts }, undefined, 1)}\n`;
}

/** An open entry, and how it ended. */
export interface Closing {
  readonly entry: JournalEntry;
  readonly outcome: Outcome;
  /** UIDs of the pods that are there in place of the former. */
  readonly after?: readonly string[];
  /** Why it was taken back: a code; and the StatefulSet's generation since. */
  readonly why?: string;
  readonly generation?: number;
}

/** Entries whose restart has begun, or may have, and is not over. */
export const openEntries = (entries: readonly JournalEntry[]): JournalEntry[] =>
  entries.filter((entry) => entry.outcome === undefined);

/**
 * True if that one is the given entry, and not over. A token is the same each time that the same is meant, so the time
 * tells apart what this leader meant from what another has begun anew.
 */
export const isSameOpen = (each: JournalEntry, entry: JournalEntry): boolean =>
  each.token === entry.token &&
  each.atMs === entry.atMs &&
  each.statefulSet === entry.statefulSet &&
  !each.outcome;

/** `entries` with the given one closed, or with what else is known of it. */
export const closeEntry = (
  entries: readonly JournalEntry[],
  entry: JournalEntry,
  ending: Pick<JournalEntry, 'outcome' | 'endedAtMs' | 'after' | 'why' | 'generation'>,
): readonly JournalEntry[] =>
  entries.map((each) => (isSameOpen(each, entry) ? { ...each, ...ending } : each));

/** Restarts within the last 24 h that came about: what never happened, or was taken back, is none. */
export const restartsLastDay = (entries: readonly JournalEntry[], nowMs: number): JournalEntry[] =>
  entries.filter((entry) => hasHappened(entry) && nowMs - entry.atMs < KEPT_MS);

/** False for what never happened, or was taken back. */
export const hasHappened = ({ outcome }: JournalEntry): boolean =>
  outcome !== 'void' && outcome !== 'defused';
