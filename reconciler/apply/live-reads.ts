/** Reads live, before a decision on one validator, only the namespaces that count for it, so no other can block it. */
import type { Cluster } from '../../peers/discovery/discover.ts';
import { type Key, namespaceOf } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type LiveWorld, readWorldLive } from '../../runtime/kube/live-read.ts';
import type { Kube } from '../../runtime/kube/port.ts';
import type { Room } from '../../runtime/kube/room.ts';
import type { Scope } from '../../runtime/kube/sources.ts';
import { inSlices } from '../../runtime/slices.ts';
import { entriesOfGroup } from '../plan/journal/group-journal.ts';
import { quorumSteps, seatsOf } from '../plan/quorum/quorum-units.ts';
import { withMountedSets } from './mounted-sets.ts';

export interface LiveReads {
  readonly kube: Kube;
  readonly scope: Scope;
  readonly clock?: Clock;
  /** Where a read may keep as much as the caches may. */
  readonly room?: () => Room;
  /** The cluster as the caches show it, used to find the namespaces whose validators count together. */
  readonly known: () => Cluster;
}

/** Above this, all namespaces are read by one list of each kind: many lists of single namespaces would take too long. */
const NAMESPACES_MAX = 16;

/** The live reads of a cluster. With a clock, a read has a time limit, and a passing failure is tried again. */
export function liveReads({ kube, scope, clock, room, known }: LiveReads) {
  const readIn = (namespaces: readonly string[]) =>
    readWorldLive(kube, scopeOf(scope, namespaces), clock, room?.());
  return {
    /** Reads only the validator's own namespace: enough to see how its restart ended. */
    of: (statefulSet: Key): Promise<LiveWorld> => readIn([namespaceOf(statefulSet)]),
    /**
     * Reads the namespaces that count in a decision on a validator. `hasMountedSets` if quorum sets were also read from
     * mounted ConfigMaps, which no cache holds. Rejects with KubeError, as `readWorldLive` does.
     */
    async around(statefulSet: Key): Promise<LiveWorld & { readonly hasMountedSets?: boolean }> {
      const live = await readIn(namespacesAround(statefulSet, known()));
      if (clock) await inSlices(clock, quorumSteps(live.world));
      const world = await withMountedSets({ kube, clock }, live.world, namespaceOf(statefulSet));
      return world ? { ...live, world, hasMountedSets: true } : live;
    },
  };
}

export type ReadLive = ReturnType<typeof liveReads>;

function scopeOf({ ownNamespace, watchNamespaces }: Scope, namespaces: readonly string[]): Scope {
  const isWatched = (each: string) => watchNamespaces.length === 0 || watchNamespaces.includes(each);
  const wanted = namespaces.filter(isWatched);
  const isFew = wanted.length > 0 && wanted.length <= NAMESPACES_MAX;
  return { ownNamespace, watchNamespaces: isFew ? wanted : watchNamespaces };
}

/**
 * The namespaces to read for a decision on a validator: those of all validators in its quorum margin, and of all journal
 * entries of its group. Empty, so that everything is read, if the caches show no group for it.
 */
function namespacesAround(statefulSet: Key, { world, discovery }: Cluster): string[] {
  const group = discovery.groups.get(discovery.groupOf.get(statefulSet) ?? '');
  if (!group) return [];
  const seats = seatsOf(group.network.id, { world, discovery }).filter(({ isMember }) => isMember);
  const members = seats.map(({ namespace }) => namespace);
  const entries = entriesOfGroup(world.journal, group) ?? [];
  const written = entries.map((entry) => namespaceOf(entry.statefulSet));
  return [...new Set([namespaceOf(statefulSet), ...members, ...written])];
}
