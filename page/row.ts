/**
 * One validator as the status page shows it. Pure.
 */
import type { Discovery } from '../peers/discover.ts';
import { parseDigests } from '../peers/hash.ts';
import { podsOf } from '../peers/pods.ts';
import type { Reason } from '../peers/reasons.ts';
import { publishedView } from '../peers/views.ts';
import type { Key, PodFacts, Validator, World } from '../peers/world.ts';
import type { Connections } from '../reconciler/overview.ts';

/**
 * `up` all its pods are Ready · `down` some are not · `restarting` some are not, because of us · `away` it is suspended,
 * or none are wanted.
 */
type State = 'up' | 'down' | 'restarting' | 'away';

/** Cells for people: `2,3` is one figure a pod, empty where nothing is known. */
export interface Row {
  readonly key: Key;
  readonly namespace: string;
  readonly name: string;
  readonly state: State;
  readonly ready: string;
  readonly knows: string;
  readonly published: string;
  readonly connected: string;
  /** How many of the connections that it should have it has, in hundredths; -1 where nobody may ask. */
  readonly connectedPercent: number;
  readonly synced: string;
  /** Of the reason that holds something; empty where there is none. */
  readonly code: string;
}

/** A row, and whom its pods started with. */
export interface Found {
  readonly row: Row;
  readonly known: ReadonlySet<string>;
}

interface Seen {
  readonly world: World;
  readonly discovery: Discovery;
  readonly reasons: ReadonlyMap<Key, Reason>;
  readonly connections: Connections;
  /** StatefulSets on which a restart of ours is under way. */
  readonly open: ReadonlySet<Key>;
}

/** The row of one validator. */
export function rowOf(validator: Validator, { world, discovery, reasons, connections, open }: Seen): Found {
  const { key, namespace, name } = validator;
  const statefulSet = discovery.statefulSetOf.get(key);
  const pods = statefulSet ? podsOf(world, statefulSet) : [];
  const wanted = statefulSet?.replicas ?? validator.replicas;
  const ready = pods.filter((pod) => pod.ready && !pod.deleting).length;
  const known = pods.map(digestsOn);
  const published = publishedView(world.configMaps.get(namespace), name);
  const row = {
    ...{ key, namespace, name },
    state: stateOf(validator, { ready, wanted, rolled: open.has(key) }),
    ready: `${ready}/${wanted}`,
    knows: known.map((digests) => digests?.length ?? '-').join(','),
    published: published ? String(published.digests.length) : '',
    ...connectionOf(pods, connections),
    code: reasons.get(key)?.code ?? '',
  };
  return { row, known: new Set(known.flatMap((digests) => digests ?? [])) };
}

function stateOf(
  { suspended }: Validator,
  { ready, wanted, rolled }: { readonly ready: number; readonly wanted: number; readonly rolled: boolean },
): State {
  if (suspended || wanted === 0) return 'away';
  if (ready >= wanted) return 'up';
  return rolled ? 'restarting' : 'down';
}

/** What a pod started with; undefined for one that was not injected. */
const digestsOn = ({ injected, peers }: PodFacts): readonly string[] | undefined =>
  injected && peers !== undefined ? parseDigests(peers) : undefined;

function connectionOf(pods: readonly PodFacts[], connections: Connections) {
  const found = pods.map(({ key }) => connections.get(key));
  const answers = found.filter((each) => each !== undefined);
  if (answers.length === 0) return { connected: '', connectedPercent: -1, synced: '' };
  const sum = (of: 'connected' | 'expected') => answers.reduce((total, each) => total + each[of], 0);
  return {
    connected: found.map((each) => (each ? `${each.connected}/${each.expected}` : '-')).join(','),
    connectedPercent: sum('expected') === 0 ? 100 : Math.round((100 * sum('connected')) / sum('expected')),
    synced: found.map((each) => (each ? (each.synced ? 'yes' : 'no') : '-')).join(','),
  };
}
