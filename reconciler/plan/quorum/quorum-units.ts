/**
 * Defines units: validators that share a quorum margin. Tells which of them are down. Pure.
 *
 *   private network   all StellarNodes of the network, in any group
 *   public network    those of the same namespace, and those of the same home domain in other namespaces
 *
 * A StellarNode that NETWORK_NAMESPACES keeps out may lie about its network, so it counts only during a restart of ours.
 */

import {
  homeDomainOf,
  type QuorumReading,
  type QuorumSet,
  readQuorumSet,
} from '../../../peers/core/quorum-set.ts';
import { type Cluster, type Discovery, ownStatefulSet } from '../../../peers/discovery/discover.ts';
import type { Absentee, Key, NodeReading, Validator, World } from '../../../peers/world.ts';
import { everyOpen, isOfNetwork } from '../journal/group-journal.ts';
import { downBecause, UNCOUNTED } from '../restarts/availability.ts';

/** A StellarNode of the network, as the margins see it. */
export interface QuorumSeat {
  readonly key: Key;
  readonly namespace: string;
  readonly homeDomain: string | undefined;
  /** Undefined for a StellarNode that is being deleted, or cannot be read. */
  readonly reading: QuorumReading | undefined;
  /** The validators that its set by hand names; none for one that takes no part, whose set may be old. */
  readonly named: ReadonlySet<string>;
  readonly isDown: boolean;
  /** False for a StellarNode whose network cannot be read. It counts for its own namespace. */
  readonly isMember: boolean;
}

/** Each quorum set is parsed once, until its StellarNode changes. */
const readings = new WeakMap<Validator, QuorumReading>();

/** The quorum set of the validator, or the problem of its text. */
export function quorumOf(validator: Validator): QuorumReading {
  const reading = readings.get(validator) ?? readingOf(validator);
  readings.set(validator, reading);
  return reading;
}

/** Reads all quorum sets, one in each step: tenants decide how many there are, and how long each takes. */
export function* quorumSteps({ nodes }: Pick<World, 'nodes'>): Generator<undefined, void> {
  for (const reading of [...nodes.values()]) {
    if (reading.kind !== 'validator') continue;
    quorumOf(reading.validator);
    yield;
  }
}

/** The validator with a quorum set that was read from elsewhere. */
export function withReading(validator: Validator, reading: QuorumReading): Validator {
  const copy = { ...validator };
  readings.set(copy, reading);
  return copy;
}

function readingOf({ quorumSet, hasListSource }: Validator): QuorumReading {
  if (hasListSource) return { problem: 'vlSource replaces its quorumSet' };
  return quorumSet === undefined ? { problem: 'it has no quorumSet' } : readQuorumSet(quorumSet);
}

/** The set, if it can be read. */
export const setIn = (reading: QuorumReading | undefined): QuorumSet | undefined =>
  reading && 'set' in reading ? reading.set : undefined;

type Nodes = ReadonlyArray<readonly [Key, NodeReading]>;

/** Found once for all networks of a membership: tenants decide how many there are of both. */
const nodesBy = new WeakMap<Discovery, ReadonlyMap<string | undefined, Nodes>>();

function nodesOf(networkId: string, { world, discovery }: Cluster): Nodes {
  const known = nodesBy.get(discovery) ?? Map.groupBy(world.nodes, ([, reading]) => networkIdOf(reading));
  nodesBy.set(discovery, known);
  return [...(known.get(networkId) ?? []), ...(known.get(undefined) ?? [])];
}

/** Undefined if the network cannot be read; empty for a node that is in no network. */
function networkIdOf(reading: NodeReading): string | undefined {
  if (reading.kind === 'validator') return reading.validator.network.id;
  const gone = goneIn(reading);
  return gone ? gone.networkId : '';
}

/** Every StellarNode of the network, and those whose network cannot be read. */
export function seatsOf(networkId: string, { world, discovery }: Cluster): QuorumSeat[] {
  // The entries of all keys count, because a group's key changes with PEER_SCOPE and the network.
  const underWay = setsIn(world);
  const unseen = setsIn(world, (group) => isOfNetwork(group, networkId));
  const seats: QuorumSeat[] = [];
  for (const [key, reading] of nodesOf(networkId, { world, discovery })) {
    if (discovery.skipped.get(key)?.code === 'NamespaceNotAllowed') continue;
    const seat = seatOf(reading, networkId, world);
    if (!seat) continue;
    unseen.delete(key);
    seats.push(underWay.has(key) ? { ...seat, isDown: true } : seat);
  }
  for (const key of unseen) {
    const [namespace = ''] = key.split('/');
    seats.push({ ...NOTHING_KNOWN, key, namespace, isDown: true, isMember: true });
  }
  return seats;
}

function seatOf(reading: NodeReading, networkId: string, world: World): QuorumSeat | undefined {
  if (reading.kind === 'validator') return validatorSeat(reading.validator, networkId, world);
  const gone = goneIn(reading);
  return gone && absentSeat(gone, networkId);
}

const goneIn = (reading: Exclude<NodeReading, { kind: 'validator' }>): Absentee | undefined =>
  reading.kind === 'unreadable' ? reading.node : reading.leaving;

function validatorSeat(validator: Validator, networkId: string, world: World): QuorumSeat | undefined {
  if (validator.network.id !== networkId) return undefined;
  const { key, namespace } = validator;
  const reading = quorumOf(validator);
  const isDown = downBecause(world, validator, ownStatefulSet(world, validator)) !== undefined;
  const homeDomain = setIn(reading)?.homeDomain ?? homeDomainOf(validator.quorumSet ?? '');
  const named = (validator.budget === UNCOUNTED ? undefined : setIn(reading)?.named) ?? NONE;
  return { key, namespace, homeDomain, reading, named, isDown, isMember: true };
}

const NONE: ReadonlySet<string> = new Set();
const NOTHING_KNOWN = { homeDomain: undefined, reading: undefined, named: NONE } as const;

function absentSeat(
  { key, namespace, networkId: own, budget, homeDomain }: Absentee,
  networkId: string,
): QuorumSeat | undefined {
  if (own !== undefined && own !== networkId) return undefined;
  const isMember = own !== undefined;
  const isDown = budget !== UNCOUNTED;
  return { ...NOTHING_KNOWN, key, namespace, homeDomain, isDown, isMember };
}

const setsIn = ({ journal }: World, isSuch?: (group: string) => boolean): Set<Key> =>
  new Set(everyOpen(journal, isSuch).map(({ statefulSet }) => statefulSet));
