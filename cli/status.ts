/**
 * `stellar-peers status`: what everybody knows, and what waits and why, as one table. Pure.
 */
import type { Discovery } from '../peers/discover.ts';
import { parseDigests } from '../peers/hash.ts';
import { podsOf } from '../peers/pods.ts';
import { describeReason, REASONS, type Reason } from '../peers/reasons.ts';
import { publishedView } from '../peers/views.ts';
import type { Key, PodFacts, Validator, World } from '../peers/world.ts';
import { openEntries, readJournal } from '../reconciler/journal.ts';
import { type Connections, connectionsIn } from '../reconciler/overview.ts';
import { table } from './table.ts';

const HEADINGS = [
  'NETWORK',
  'NAMESPACE',
  'VALIDATOR',
  'READY',
  'KNOWS',
  'PUBLISHED',
  'CONNECTED',
  'SYNCED',
  'HASH',
  'STATE',
];

/** What of the cluster the table shows. */
interface Shown {
  readonly world: World;
  readonly discovery: Discovery;
  readonly reasons: ReadonlyMap<Key, Reason>;
  readonly connections: Connections;
}

/** The table, a row per validator, with what waits below it. */
export function renderStatus(shown: Omit<Shown, 'connections'> & { readonly ownNamespace: string }): string {
  const { world, discovery, reasons } = shown;
  const connections = connectionsIn(world.configMaps.get(shown.ownNamespace));
  const rows = [...discovery.groups.values()].flatMap((group) =>
    group.validators.map((validator) => rowOf(validator, { ...shown, connections })),
  );
  const all = [...rows, ...outside(world, discovery)];
  if (all.length === 0) return 'No validators found.\n';
  return `${table([HEADINGS, ...all])}${inFlight(world, discovery)}${waiting(reasons)}`;
}

function rowOf(validator: Validator, { world, discovery, reasons, connections }: Shown): string[] {
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
    ...connectionCells(pods, connections),
    published?.hash ?? '-',
    reasons.get(validator.key)?.code ?? (pods.length === 0 ? 'NoPods' : 'Current'),
  ];
}

/** Rows of those that are in no group: they cannot be read, or their namespace keeps them out. */
function outside(world: World, { skipped }: Discovery): string[][] {
  return [...world.nodes.values()].flatMap((reading) => {
    if (reading.kind === 'other') return [];
    const { key, namespace, name } = reading.kind === 'validator' ? reading.validator : reading.node;
    const code = skipped.get(key)?.code;
    if (code === undefined || (reading.kind === 'validator' && code !== 'NamespaceNotAllowed')) return [];
    const network = reading.kind === 'validator' ? reading.validator.network.id : '-';
    return [[network, namespace, name, '-', '-', '-', '-', '-', '-', code]];
  });
}

/** To how many of its peers each pod is connected, and whether it is synced; `-` where nobody may ask it. */
function connectionCells(pods: readonly PodFacts[], connections: Connections): string[] {
  const found = pods.map(({ key }) => connections.get(key));
  if (!found.some((connection) => connection !== undefined)) return ['-', '-'];
  return [
    found.map((each) => (each ? `${each.connected}/${each.expected}` : '-')).join(','),
    found.map((each) => (each ? (each.synced ? 'yes' : 'no') : '-')).join(','),
  ];
}

/** How many peers a pod started with; `-` for one that was not injected. */
function knownBy(pod: PodFacts): string {
  if (!pod.injected || pod.peers === undefined) return '-';
  return String(parseDigests(pod.peers)?.length ?? '?');
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
