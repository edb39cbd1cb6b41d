/**
 * Decides which published lists stay as they are. A list that could not be worked out is not removed, and a list with
 * peers becomes empty only if its group has no other members. Pure.
 */
import type { Cluster, Discovery } from '../../../peers/discovery/discover.ts';
import { nodeKeys } from '../../../peers/names.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { ViewEntry } from '../../../peers/views/view-book.ts';
import { type ConfigMapFacts, type Key, keyOf, type World } from '../../../peers/world.ts';

/** The published data to keep, and the reasons to show. */
export interface Kept {
  readonly data: Readonly<Record<string, string>>;
  readonly reports: ReadonlyMap<Key, Reason>;
}

/** The lists that were worked out for a namespace, and its ConfigMap as it is. */
interface NewLists {
  readonly namespace: string;
  readonly entries: readonly ViewEntry[];
  /** Validators whose list of peers could not be worked out, and the error. */
  readonly unknown: ReadonlyMap<Key, string>;
  readonly current: ConfigMapFacts | undefined;
}

/** The keys that must stay in the ConfigMap, with their present values. */
export function keptLists(lists: NewLists, cluster: Cluster): Kept {
  const { namespace, unknown, current } = lists;
  const removed = removedLists(lists, cluster);
  const emptied = emptiedLists(lists, cluster.discovery);
  const reports = new Map<Key, Reason>();
  for (const key of removed.map((node) => keyOf(namespace, node))) {
    const isReadable = cluster.world.nodes.get(key)?.kind === 'validator';
    if (isReadable) reports.set(key, reason('ListNotWorkedOut', 'none was made'));
  }
  for (const [key, why] of unknown) reports.set(key, reason('ListNotWorkedOut', why));
  for (const node of emptied) reports.set(keyOf(namespace, node), reason('EmptyListRefused'));
  const data: Record<string, string> = {};
  for (const key of [...removed, ...emptied].flatMap((node) => Object.values(nodeKeys(node)))) {
    const text = current?.data[key];
    if (text !== undefined) data[key] = text;
  }
  return { data, reports };
}

const VIEW_SUFFIX = nodeKeys('').view;

/** The StellarNodes that are still validators and have a list, though no new one was made for them. */
function removedLists({ namespace, entries, current }: NewLists, { world, discovery }: Cluster): string[] {
  const made = new Set(entries.map(({ validator }) => validator.name));
  const named = (current?.ownKeys ?? []).filter((key) => key.endsWith(VIEW_SUFFIX));
  return named
    .map((key) => key.slice(0, -VIEW_SUFFIX.length))
    .filter((node) => !made.has(node) && isStillValidator(keyOf(namespace, node), world, discovery));
}

/** A StellarNode that cannot be read may still be a validator. One that discovery skipped has a reason of its own. */
function isStillValidator(key: Key, world: World, { groupOf, skipped }: Discovery): boolean {
  if (world.nodes.get(key)?.kind === 'unreadable') return true;
  return groupOf.has(key) && !skipped.has(key);
}

/** The StellarNodes whose list with peers would become empty, although their group has other members. */
function emptiedLists({ entries, current }: NewLists, { groups, groupOf }: Discovery): string[] {
  const isFilled = (node: string) => (current?.data[nodeKeys(node).txt] ?? '') !== '';
  const hasOthers = (key: Key) =>
    groups.get(groupOf.get(key) ?? '')?.members.some(({ node }) => node !== key) === true;
  return entries
    .filter(({ peerList }) => peerList.view.length === 0 && peerList.externals.length === 0)
    .map(({ validator }) => validator)
    .filter(({ name, key }) => isFilled(name) && hasOthers(key))
    .map(({ name }) => name);
}
