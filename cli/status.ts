/**
 * `stellar-peers status`: what everybody knows, and what waits and why, as one table. Pure.
 */
import type { Discovery } from '../peers/discover.ts';
import { parseDigests } from '../peers/hash.ts';
import { describeReason, REASONS, type Reason } from '../peers/reasons.ts';
import { publishedView } from '../peers/views.ts';
import type { Key, PodFacts, Validator, World } from '../peers/world.ts';
import { podsOf } from '../reconciler/availability.ts';
import { openEntries, readJournal } from '../reconciler/journal.ts';

const HEADINGS = ['NETWORK', 'NAMESPACE', 'VALIDATOR', 'READY', 'KNOWS', 'PUBLISHED', 'HASH', 'STATE'];

/** The table, a row per validator, with what waits below it. */
export function renderStatus(world: World, discovery: Discovery, reasons: ReadonlyMap<Key, Reason>): string {
  const rows = [...discovery.groups.values()].flatMap((group) =>
    group.validators.map((validator) => rowOf(world, discovery, validator, reasons.get(validator.key))),
  );
  const unreadable = [...world.nodes.values()].flatMap((reading) => {
    if (reading.kind !== 'unreadable') return [];
    const { namespace, name } = reading.node;
    return [['-', namespace, name, '-', '-', '-', '-', reading.reason.code]];
  });
  const all = [...rows, ...unreadable];
  if (all.length === 0) return 'No validators found.\n';
  return `${table([HEADINGS, ...all])}${inFlight(world, discovery)}${waiting(reasons)}`;
}

function rowOf(world: World, discovery: Discovery, validator: Validator, why: Reason | undefined): string[] {
  const statefulSet = discovery.statefulSetOf.get(validator.key);
  const pods = statefulSet ? podsOf(world, statefulSet) : [];
  const ready = pods.filter((pod) => pod.ready).length;
  const published = publishedView(world.configMaps.get(validator.namespace), validator.name);
  return [
    validator.network.id,
    validator.namespace,
    validator.name,
    `${ready}/${statefulSet?.replicas ?? validator.replicas}`,
    pods.map(knownBy).join(',') || '-',
    published ? String(published.digests.length) : '-',
    published?.hash ?? '-',
    why?.code ?? (pods.length === 0 ? 'NoPods' : 'Current'),
  ];
}

/** How many peers a pod started with; `-` for one that was not injected. */
function knownBy(pod: PodFacts): string {
  if (!pod.injected || pod.peers === undefined) return '-';
  return String(parseDigests(pod.peers)?.length ?? '?');
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${rows.map(line).join('\n')}\n`;
}

function inFlight(world: World, discovery: Discovery): string {
  const lines = [...discovery.groups.keys()].flatMap((group) =>
    openEntries(readJournal(world.journal, group) ?? []).map(
      (entry) =>
        `  ${entry.statefulSet} since ${new Date(entry.atMs).toISOString()} (${entry.kind}, ${entry.drift})`,
    ),
  );
  return lines.length === 0 ? '' : `\nBeing restarted:\n${lines.join('\n')}\n`;
}

function waiting(reasons: ReadonlyMap<Key, Reason>): string {
  const blocks = [...reasons].map(
    ([key, why]) => `  ${key}  ${why.code}\n    ${describeReason(why)}\n    > ${REASONS[why.code].release}\n`,
  );
  return blocks.length === 0 ? '' : `\nNot done, why, and what would help:\n${blocks.join('')}`;
}
