/**
 * Finds the journal entries that concern a group: those under the group's key, and those of its StatefulSets under any
 * other key. A group's key changes with PEER_SCOPE and with a validator's network, but all its restarts count. Pure.
 */
import type { Group } from '../../../peers/discovery/discover.ts';
import { SALT_KEY } from '../../../peers/views/salt.ts';
import type { ConfigMapFacts, Key } from '../../../peers/world.ts';
import { type JournalEntry, readJournal } from './journal.ts';

interface Written {
  readonly group: string;
  readonly entry: JournalEntry;
}

interface Reading {
  readonly byGroup: ReadonlyMap<string, readonly JournalEntry[] | undefined>;
  readonly byStatefulSet: ReadonlyMap<Key, readonly Written[]>;
  /** Of all keys, the entries of restarts that are under way. */
  readonly open: readonly Written[];
  /** Keys that cannot be read in full. */
  readonly unreadable: readonly string[];
}

/** Cached by the object, because a ConfigMap that was read never changes. */
const readings = new WeakMap<ConfigMapFacts, Reading>();

function readingOf(journal: ConfigMapFacts): Reading {
  const known = readings.get(journal);
  if (known) return known;
  const groups = Object.keys(journal.data).filter((key) => key !== SALT_KEY);
  const byGroup = new Map(groups.map((group) => [group, readJournal(journal, group)]));
  const written = [...byGroup].flatMap(([group, entries = []]) => entries.map((entry) => ({ group, entry })));
  const unreadable = groups.filter((group) => byGroup.get(group) === undefined);
  const byStatefulSet = Map.groupBy(written, ({ entry }) => entry.statefulSet);
  const open = written.filter(({ entry }) => entry.outcome === undefined);
  const reading = { byGroup, byStatefulSet, open, unreadable };
  readings.set(journal, reading);
  return reading;
}

/** The parts of a group that decide whether an entry concerns it. */
type Concerned = Pick<Group, 'key' | 'network' | 'validators'>;

/**
 * A key that cannot be read in full and may hide a restart that concerns the group: the group's own key, one of its
 * network, whose validators count together, or one that contains the name of its validator. Undefined if there is none.
 */
export function unreadableFor(
  journal: ConfigMapFacts | undefined,
  { network, validators }: Concerned,
): string | undefined {
  if (!journal) return undefined;
  const names = (text: string) => validators.some(({ key }) => text.includes(`"${key}`));
  const { unreadable } = readingOf(journal);
  return unreadable.find((key) => isOfNetwork(key, network.id) || names(journal.data[key] ?? ''));
}

/** True for the key of a group of that network, with either PEER_SCOPE. */
export const isOfNetwork = (group: string, networkId: string): boolean =>
  group === networkId || group.endsWith(`.${networkId}`);

/** The entries that concern a group, oldest first; undefined if some of them may be unreadable. */
export function entriesOfGroup(
  journal: ConfigMapFacts | undefined,
  group: Concerned,
): readonly JournalEntry[] | undefined {
  if (!journal) return [];
  if (unreadableFor(journal, group) !== undefined) return undefined;
  const { byGroup, byStatefulSet } = readingOf(journal);
  const own = byGroup.get(group.key) ?? [];
  const others = group.validators
    .flatMap((validator) => byStatefulSet.get(validator.key) ?? [])
    .filter((written) => written.group !== group.key);
  if (others.length === 0) return own;
  return [...own, ...others.map(({ entry }) => entry)].sort((a, b) => a.atMs - b.atMs);
}

/** The keys with at least one such entry. */
export const keysWith = (
  journal: ConfigMapFacts | undefined,
  isSuch: (entry: JournalEntry) => boolean,
): string[] =>
  journal
    ? [...readingOf(journal).byGroup].flatMap(([key, entries]) => (entries?.some(isSuch) ? [key] : []))
    : [];

/** All readable entries of all keys. */
export const everyEntry = (journal: ConfigMapFacts | undefined): readonly JournalEntry[] =>
  journal ? [...readingOf(journal).byGroup.values()].flatMap((entries = []) => entries) : [];

/** The open entries of all keys, or of the keys for which `isSuch` is true. */
export const everyOpen = (
  journal: ConfigMapFacts | undefined,
  isSuch: (group: string) => boolean = () => true,
): readonly JournalEntry[] =>
  journal ? readingOf(journal).open.flatMap(({ group, entry }) => (isSuch(group) ? [entry] : [])) : [];
