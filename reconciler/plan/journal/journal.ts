/**
 * The journal of restarts: each intent, written before the restart, and its outcome. One key for each group in
 * ConfigMap `stellar-peers-restarts`. A write must have the resourceVersion that was read, so two leaders cannot both
 * begin. Pure.
 */
import { fieldsOf, listOf, numberOf, parseJson, textOf, textsOf, timeOf } from '../../../peers/field.ts';
import type { ConfigMapFacts, Key } from '../../../peers/world.ts';

/** How long closed entries are kept: rates and "restarts in 24 h" are read from them. */
const KEPT_MS = 24 * 3_600_000;
/** A bare pod stops its group while it exists. At last its entry goes, so that pods that are gone fill no journal. */
const BARE_KEPT_MS = 30 * KEPT_MS;

export type RestartKind = 'bump' | 'delete';

/**
 * `done`: as planned · `notInjected`: the new pod was not injected · `unwitnessed`: the same, but no leader watched, so
 * others may have replaced the pod · `void`: never written · `defused`: taken back before a pod was replaced ·
 * `gone`: its StatefulSet is gone.
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
  /** True if the HTTP port of one of the pods answered before the restart. */
  readonly answered?: boolean;
  /** The resourceVersion that the write of a bump requires. */
  readonly version?: string;
  readonly drift: string;
  readonly atMs: number;
  readonly outcome?: Outcome;
  readonly endedAtMs?: number;
  /** UIDs of the new pods at the end of the restart; absent in entries of before 0.2. */
  readonly after?: readonly string[];
  /** The code of the reason why the restart was taken back, or, in an open entry, is about to be. */
  readonly why?: string;
  /** `metadata.generation` of the StatefulSet after the restart was taken back; absent in entries of before 0.2. */
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
  const entry: JournalEntry = {
    ...{ statefulSet, uids: textsOf(raw.uids), token, atMs, drift: textOf(raw.drift) ?? '' },
    kind,
    ...optional('version', textOf(raw.version)),
    ...optional('answered', raw.answered === true || undefined),
    ...optional('why', textOf(raw.why)),
    ...optional('generation', numberOf(raw.generation)),
    ...optional('names', Array.isArray(raw.names) ? textsOf(raw.names) : undefined),
    ...optional('after', Array.isArray(raw.after) ? textsOf(raw.after) : undefined),
  };
  if (outcome === undefined) return entry;
  if (!OUTCOMES.includes(outcome as string)) return undefined;
  return { ...entry, outcome: outcome as Outcome, endedAtMs: timeOf(raw.endedAt) ?? atMs };
}

/** The entries of one group, oldest first. Undefined if the text cannot be read in full: then the group must stop. */
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

/** The clocks of two leaders differ by less than this. */
const AHEAD_MS = 60_000;

/** True for an entry that is dated in the future: either the clock of its writer was wrong, or ours is. */
export const isAhead = ({ atMs, endedAtMs = atMs }: JournalEntry, nowMs: number): boolean =>
  Math.max(atMs, endedAtMs) > nowMs + AHEAD_MS;

/** `entry` with future dates set to now, so that waits because of it are no longer than usual. */
export const notAhead = (entry: JournalEntry, nowMs: number): JournalEntry => ({
  ...entry,
  atMs: Math.min(entry.atMs, nowMs),
  ...optional('endedAtMs', entry.endedAtMs && Math.min(entry.endedAtMs, nowMs)),
});

const keptMs = ({ outcome }: JournalEntry): number => {
  if (outcome === undefined) return Number.POSITIVE_INFINITY;
  return outcome === 'notInjected' ? BARE_KEPT_MS : KEPT_MS;
};

/** The entries as text for the ConfigMap, without closed ones that are older than 24 h. */
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
  /** UIDs of the new pods. */
  readonly after?: readonly string[];
  /** If the restart was taken back: the code of the reason, and the generation of the StatefulSet since. */
  readonly why?: string;
  readonly generation?: number;
}

/** The entries whose restart has begun, or may have begun, and has not ended. */
export const openEntries = (entries: readonly JournalEntry[]): JournalEntry[] =>
  entries.filter((entry) => entry.outcome === undefined);

/** True if `each` is the open entry. The time counts: another leader may have begun the same restart anew. */
export const isSameOpen = (each: JournalEntry, entry: JournalEntry): boolean =>
  each.token === entry.token &&
  each.atMs === entry.atMs &&
  each.statefulSet === entry.statefulSet &&
  !each.outcome;

/** `entries` with the ending written into the given entry. */
export const closeEntry = (
  entries: readonly JournalEntry[],
  entry: JournalEntry,
  ending: Pick<JournalEntry, 'outcome' | 'endedAtMs' | 'after' | 'why' | 'generation'>,
): readonly JournalEntry[] =>
  entries.map((each) => (isSameOpen(each, entry) ? { ...each, ...ending } : each));

/** The restarts of the last 24 h, without those that were never written or were taken back. */
export const restartsLastDay = (entries: readonly JournalEntry[], nowMs: number): JournalEntry[] =>
  entries.filter((entry) => hasHappened(entry) && nowMs - entry.atMs < KEPT_MS);

/** False for a restart that was never written, or that was taken back. */
export const hasHappened = ({ outcome }: JournalEntry): boolean =>
  outcome !== 'void' && outcome !== 'defused';
