/**
 * The journal of restarts: what we meant to do, before we did it, and what became of it. Pure.
 * One key per group in ConfigMap `stellar-peers-restarts`; written only with the resourceVersion read, so
 * that it is a fence between two leaders.
 */
import { fieldsOf, listOf, parseJson, textOf, timeOf } from '../peers/field.ts';
import type { ConfigMapFacts, Key } from '../peers/world.ts';

/** How long closed entries are kept: rates and "restarts in 24 h" are read from them. */
const KEPT_MS = 24 * 3_600_000;

export type RestartKind = 'bump' | 'delete';

/**
 * `done` as wished · `notInjected` came back without injection · `unwitnessed` came back so, or was replaced again by
 * somebody else, while nobody led · `void` it never happened · `defused` taken back before a pod was replaced ·
 * `gone` with its StatefulSet.
 */
export type Outcome = 'done' | 'notInjected' | 'unwitnessed' | 'void' | 'defused' | 'gone';

export interface Entry {
  readonly statefulSet: Key;
  readonly kind: RestartKind;
  /** UIDs of the pods to be replaced. */
  readonly uids: readonly string[];
  /** Their names; absent in entries of before 0.2. */
  readonly names?: readonly string[];
  /** Value of the template annotation (bump), or the same form for a delete. */
  readonly token: string;
  /** What the template annotation held before a bump, to take the bump back; absent where there was none. */
  readonly before?: string;
  readonly drift: string;
  readonly atMs: number;
  readonly outcome?: Outcome;
  readonly endedAtMs?: number;
}

const OUTCOMES: readonly string[] = [
  'done',
  'notInjected',
  'unwitnessed',
  'void',
  'defused',
  'gone',
] satisfies Outcome[];

function parseEntry(raw: Readonly<Record<string, unknown>>): Entry | undefined {
  const { kind, outcome } = raw;
  const atMs = timeOf(raw.at);
  const statefulSet = textOf(raw.statefulSet);
  const token = textOf(raw.token);
  if ((kind !== 'bump' && kind !== 'delete') || !Array.isArray(raw.uids)) return undefined;
  if (atMs === undefined || statefulSet === undefined || token === undefined) return undefined;
  const uids = raw.uids.filter((uid) => typeof uid === 'string');
  const before = textOf(raw.before);
  const entry: Entry = {
    ...{ statefulSet, uids, token, atMs, drift: textOf(raw.drift) ?? '' },
    kind,
    ...(before === undefined ? {} : { before }),
    ...(Array.isArray(raw.names) ? { names: raw.names.filter((name) => typeof name === 'string') } : {}),
  };
  if (outcome === undefined) return entry;
  if (!OUTCOMES.includes(outcome as string)) return undefined;
  return { ...entry, outcome: outcome as Outcome, endedAtMs: timeOf(raw.endedAt) ?? atMs };
}

/**
 * The entries of one group, oldest first; undefined where the text cannot be read in full, which must stop
 * the group: nobody then knows what is under way.
 */
export function readJournal(
  journal: ConfigMapFacts | undefined,
  group: string,
): readonly Entry[] | undefined {
  const text = journal?.data[group];
  if (text === undefined) return [];
  const { restarts } = fieldsOf(parseJson(text));
  if (!Array.isArray(restarts)) return undefined;
  const entries = listOf(restarts).map(parseEntry);
  const readable = entries.filter((entry) => entry !== undefined);
  return readable.length === restarts.length ? readable : undefined;
}

/** The entries as they stand in the ConfigMap, without closed ones that are older than 24 h. */
export function formatJournal(entries: readonly Entry[], nowMs: number): string {
  const restarts = entries
    .filter((entry) => entry.outcome === undefined || nowMs - entry.atMs < KEPT_MS)
    .map(({ atMs, endedAtMs, ...rest }) => ({
      at: new Date(atMs).toISOString(),
      ...rest,
      ...(endedAtMs === undefined ? {} : { endedAt: new Date(endedAtMs).toISOString() }),
    }));
  return `${JSON.stringify({ restarts }, undefined, 1)}\n`;
}

/** Entries whose restart has begun, or may have, and is not over. */
export const openEntries = (entries: readonly Entry[]): Entry[] =>
  entries.filter((entry) => entry.outcome === undefined);

/**
 * `entries` with the given one closed. A token is the same each time that the same is meant, so the time tells apart
 * what this leader meant from what another has begun anew.
 */
export const closeEntry = (
  entries: readonly Entry[],
  entry: Entry,
  outcome: Outcome,
  endedAtMs: number,
): Entry[] =>
  entries.map((each) => {
    const same =
      each.token === entry.token &&
      each.atMs === entry.atMs &&
      each.statefulSet === entry.statefulSet &&
      !each.outcome;
    return same ? { ...each, outcome, endedAtMs } : each;
  });

/** Restarts within the last 24 h that came about: what never happened, or was taken back, is none. */
export const restartsLastDay = (entries: readonly Entry[], nowMs: number): Entry[] =>
  entries.filter((entry) => happened(entry) && nowMs - entry.atMs < KEPT_MS);

/** False for what never happened, or was taken back: it costs nothing. */
export const happened = ({ outcome }: Entry): boolean => outcome !== 'void' && outcome !== 'defused';
