/**
 * One validator as the status page shows it. Pure.
 */

import { podsOf } from '../peers/discovery/pods.ts';
import { parseDigests } from '../peers/hash.ts';
import { isMeant, isState, isWaiting, type Reason } from '../peers/reasons/reasons.ts';
import { publishedView } from '../peers/views/views.ts';
import type { Key, PodFacts, Validator } from '../peers/world.ts';
import type { Connections } from '../reconciler/plan/publish/overview.ts';
import type { StatusInput } from '../reconciler/plan/status/current-reasons.ts';
import { isUp, type ReasonsByKey, stateOf } from '../reconciler/plan/status/validator-state.ts';

/**
 * `up` all its pods are Ready · `apart` so they are, and stellar-core says that it has no peers or is not synced · `down`
 * some are not · `restarting` it is being restarted · `away` it is suspended, or no pods are wanted.
 */
type State = 'up' | 'apart' | 'down' | 'restarting' | 'away';

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
  /** How many of the connections that it should have it has, in hundredths; -1 where the port is not open. */
  readonly connectedPercent: number;
  readonly synced: string;
  /** What it is, as `status` says it; empty for `Current`. */
  readonly code: string;
  /** What `code` tells: what it is, what waits, or what a person means so. */
  readonly kind: 'state' | 'waiting' | 'meant';
  /** True where something is still to come or to be done. */
  readonly waits: boolean;
}

/** A row, and whom its pods started with. */
export interface RowInput {
  readonly row: Row;
  readonly known: ReadonlySet<string>;
}

interface Seen extends StatusInput {
  readonly told: ReasonsByKey;
  readonly connections: Connections;
}

/** The row of one validator. */
export function rowOf(validator: Validator, seen: Seen): RowInput {
  const { world, discovery, told, connections } = seen;
  const { key, namespace, name } = validator;
  const statefulSet = discovery.statefulSetOf.get(key);
  const pods = statefulSet ? podsOf(world, statefulSet) : [];
  const wanted = statefulSet?.replicas ?? validator.replicas;
  const ready = pods.filter((pod) => pod.ready && !pod.deleting).length;
  const known = pods.map(digestsOn);
  const [first] = told.get(key) ?? [];
  const published = publishedView(world.configMaps.get(namespace), name);
  const row = {
    ...{ key, namespace, name },
    state: picturedAs(validator, wanted, seen),
    ready: `${ready}/${wanted}`,
    knows: known.map((digests) => digests?.length ?? '-').join(','),
    published: published ? String(published.digests.length) : '',
    ...connectionOf(pods, connections),
    code: first?.code ?? '',
    kind: kindOf(first),
    waits: told.get(key)?.some(isWaiting) ?? false,
  };
  return { row, known: new Set(known.flatMap((digests) => digests ?? [])) };
}

const kindOf = (why: Reason | undefined): Row['kind'] =>
  why === undefined || isState(why) ? 'state' : isMeant(why) ? 'meant' : 'waiting';

function picturedAs(validator: Validator, wanted: number, seen: Seen): State {
  const state = stateOf(validator.key, seen.told);
  if (validator.suspended || wanted === 0) return 'away';
  if (state === 'Restarting') return 'restarting';
  if (!isUp(validator, seen)) return state === 'Stalled' ? 'restarting' : 'down';
  return state === 'OutOfSync' ? 'apart' : 'up';
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
