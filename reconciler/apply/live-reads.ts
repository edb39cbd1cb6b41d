/**
 * How the leader reads the cluster afresh before a decision on one validator: no more than the decision is made of, so that
 * objects of a namespace that has nothing to do with it neither delay the decision nor keep it from being made.
 */
import type { Discovery } from '../../peers/discovery/discover.ts';
import { type Key, namespaceOf, type World } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type LiveWorld, readWorldLive } from '../../runtime/kube/live-read.ts';
import type { Kube } from '../../runtime/kube/port.ts';
import type { Scope } from '../../runtime/kube/sources.ts';
import { entriesOfGroup } from '../plan/journal/group-journal.ts';
import { seatsOf } from '../plan/quorum/quorum-units.ts';
import { withMountedSets } from './mounted-sets.ts';

/** The cluster as the caches have it. */
interface Known {
  readonly world: World;
  readonly discovery: Discovery;
}

export interface LiveReads {
  readonly kube: Kube;
  readonly scope: Scope;
  readonly clock?: Clock;
  /** Tells in which namespaces validators are that count together. */
  readonly known: () => Known;
}

export interface ReadLive {
  /**
   * Reads the World for a decision on a validator: the namespaces with StellarNodes of its network. Rejects with KubeError as
   * `readLive` does.
   */
  around(statefulSet: Key): Promise<DecidedOn>;
  /** The same of the validator's own namespace alone: what became of its restart. */
  of(statefulSet: Key): Promise<LiveWorld>;
}

interface DecidedOn extends LiveWorld {
  /** True where quorum sets were looked for in mounted configurations, which no cache shows. */
  readonly hasMountedSets?: boolean;
}

/** A network that is in more has everything read in one go: eight are read at a time, and all of it must be young. */
const NAMESPACES_MAX = 16;

/** A `ReadLive` over the cluster; with a clock its time is bounded, and what failed in passing is tried again. */
export function liveReads({ kube, scope, clock, known }: LiveReads): ReadLive {
  const timed = clock ? { clock } : {};
  const readIn = (namespaces: readonly string[]) =>
    readWorldLive(kube, scopeOf(scope, namespaces), { ...timed, isForRestart: true });
  return {
    of: (statefulSet) => readIn([namespaceOf(statefulSet)]),
    async around(statefulSet) {
      const live = await readIn(namespacesAround(statefulSet, known()));
      const world = await withMountedSets({ kube, ...timed }, live.world, namespaceOf(statefulSet));
      return world ? { ...live, world, hasMountedSets: true } : live;
    },
  };
}

function scopeOf({ ownNamespace, watchNamespaces }: Scope, namespaces: readonly string[]): Scope {
  const isWatched = (each: string) => watchNamespaces.length === 0 || watchNamespaces.includes(each);
  const wanted = namespaces.filter(isWatched);
  const isFew = wanted.length > 0 && wanted.length <= NAMESPACES_MAX;
  return { ownNamespace, watchNamespaces: isFew ? wanted : watchNamespaces };
}

/**
 * Where a decision on the validator has to look: at all that count in its quorum margin, and at what the journal has of its
 * group. None where the caches know no group of it: then everything is read.
 */
function namespacesAround(statefulSet: Key, { world, discovery }: Known): string[] {
  const group = discovery.groups.get(discovery.groupOf.get(statefulSet) ?? '');
  if (!group) return [];
  const seats = seatsOf(group.network.id, { world, discovery }).filter(({ isMember }) => isMember);
  const members = seats.map(({ namespace }) => namespace);
  const entries = entriesOfGroup(world.journal, group) ?? [];
  const written = entries.map((entry) => namespaceOf(entry.statefulSet));
  return [...new Set([namespaceOf(statefulSet), ...members, ...written])];
}
