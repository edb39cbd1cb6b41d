/**
 * The last restarts as the journal has them, newest first. Pure.
 */
import { plainText } from '../peers/field.ts';
import type { World } from '../peers/world.ts';
import { type JournalEntry, readJournal } from '../reconciler/plan/journal/journal.ts';

const TEXT_LENGTH_MAX = 520;

export interface RestartRow {
  /** StatefulSet, and StellarNode, that was restarted. */
  readonly key: string;
  readonly kind: string;
  /** Why: what its pod lacked. */
  readonly drift: string;
  readonly atMs: number;
  readonly endedAtMs: number | undefined;
  /** Empty while it is under way. */
  readonly outcome: string;
}

/** All of the journal that can be read: what is closed is kept there for 24 hours. */
export const restartsIn = ({ journal }: World): RestartRow[] =>
  Object.keys(journal?.data ?? {})
    .flatMap((group) => readJournal(journal, group) ?? [])
    .toSorted((a, b) => b.atMs - a.atMs)
    .map(rowOf);

const rowOf = ({ statefulSet, kind, drift, atMs, endedAtMs, outcome }: JournalEntry): RestartRow => ({
  key: plainText(statefulSet, TEXT_LENGTH_MAX),
  kind,
  drift: plainText(drift, TEXT_LENGTH_MAX),
  atMs,
  endedAtMs,
  outcome: outcome ?? '',
});
