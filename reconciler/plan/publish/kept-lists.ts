/**
 * Which lists stay as they are published whatever was worked out: "not known" is never "none", and an empty list is
 * believed only where the group has no other members. Pure.
 */
import type { Discovery } from '../../../peers/discovery/discover.ts';
import { nodeKeys } from '../../../peers/names.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { ViewEntry } from '../../../peers/views/view-book.ts';
import { type ConfigMapFacts, type Key, keyOf, type World } from '../../../peers/world.ts';

/** What is published of such lists, and who is told why. */
export interface Kept {
  readonly data: Readonly<Record<string, string>>;
  readonly reports: ReadonlyMap<Key, Reason>;
}

interface Wished {
  readonly namespace: string;
  readonly entries: readonly ViewEntry[];
  /** Validators whose entry could not be worked out, and what went wrong. */
  readonly unknown: ReadonlyMap<Key, string>;
  readonly current: ConfigMapFacts | undefined;
}

type Found = Pick<Kept, 'reports'> & { readonly nodes: readonly string[] };

/** The keys that must not go from the ConfigMap, with what stands there. */
export function keptLists(wished: Wished, seen: { world: World; discovery: Discovery }): Kept {
  const published = wished.current?.data ?? {};
  const found = [notMade(wished, seen), emptied(wished, seen.discovery)];
  const data: Record<string, string> = {};
  for (const { nodes } of found) {
    for (const key of nodes.flatMap((node) => Object.values(nodeKeys(node)))) {
      const text = published[key];
      if (text !== undefined) data[key] = text;
    }
  }
  return { data, reports: new Map(found.flatMap(({ reports }) => [...reports])) };
}

const VIEW_SUFFIX = nodeKeys('').view;

/** StellarNodes that have a list, still are validators, and for which none was made: that one be removed is refused. */
function notMade({ namespace, entries, unknown, current }: Wished, { world, discovery }: SeenWorld): Found {
  const reports = new Map<Key, Reason>();
  for (const [key, why] of unknown) reports.set(key, reason('ListNotWorkedOut', why));
  const made = new Set(entries.map(({ validator }) => validator.name));
  const named = (current?.ownKeys ?? []).filter((key) => key.endsWith(VIEW_SUFFIX));
  const nodes = named
    .map((key) => key.slice(0, -VIEW_SUFFIX.length))
    .filter((node) => !made.has(node) && isStillValidator(keyOf(namespace, node), world, discovery));
  for (const key of nodes.map((node) => keyOf(namespace, node))) {
    const isReadable = world.nodes.get(key)?.kind === 'validator';
    if (isReadable && !reports.has(key)) reports.set(key, reason('ListNotWorkedOut', 'none was made'));
  }
  return { nodes, reports };
}

type SeenWorld = { readonly world: World; readonly discovery: Discovery };

/** One that cannot be read is not known to be anything else; one that is skipped is no peer, and was told why. */
function isStillValidator(key: Key, world: World, { groupOf, skipped }: Discovery): boolean {
  if (world.nodes.get(key)?.kind === 'unreadable') return true;
  return groupOf.has(key) && !skipped.has(key);
}

/** Validators that know peers, and should know none although their group has other members. */
function emptied({ entries, current }: Wished, { groups, groupOf }: Discovery): Found {
  const isFilled = (node: string) => (current?.data[nodeKeys(node).txt] ?? '') !== '';
  const hasOthers = (key: Key) =>
    groups.get(groupOf.get(key) ?? '')?.members.some(({ node }) => node !== key) === true;
  const refused = entries
    .filter(({ peerList }) => peerList.view.length === 0 && peerList.externals.length === 0)
    .map(({ validator }) => validator)
    .filter(({ name, key }) => isFilled(name) && hasOthers(key));
  return {
    nodes: refused.map(({ name }) => name),
    reports: new Map(refused.map(({ key }) => [key, reason('EmptyListRefused')])),
  };
}
