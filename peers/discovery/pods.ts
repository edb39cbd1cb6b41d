/**
 * Finds the pods of a StatefulSet or member by owner UID, so that a stray pod with copied labels is not found.
 */

import { parseDigests } from '../hash.ts';
import { keyOf, type PodFacts, type StatefulSetFacts, type World } from '../world.ts';
import type { Discovery, Member } from './discover.ts';

const ownedBy = (pod: PodFacts | undefined, { uid }: StatefulSetFacts): PodFacts | undefined =>
  pod?.ownerUid === uid ? pod : undefined;

/** All existing pods of the StatefulSet, by ordinal. */
export function podsOf(world: World, statefulSet: StatefulSetFacts): PodFacts[] {
  const { namespace, name, replicas, firstOrdinal } = statefulSet;
  const pods: PodFacts[] = [];
  for (let ordinal = firstOrdinal; ordinal < firstOrdinal + replicas; ordinal += 1) {
    const pod = ownedBy(world.pods.get(keyOf(namespace, `${name}-${ordinal}`)), statefulSet);
    if (pod) pods.push(pod);
  }
  return pods;
}

/** The member's pod, where it exists. */
export function podOf(
  member: Member,
  world: World,
  { statefulSetOf }: Pick<Discovery, 'statefulSetOf'>,
): PodFacts | undefined {
  const statefulSet = statefulSetOf.get(member.node);
  return statefulSet && ownedBy(world.pods.get(member.podKey), statefulSet);
}

/** Digests of the peers that the pod was started with; undefined if it has no stamp, or one in an unknown format. */
export const digestsOfPod = ({ peers }: PodFacts): readonly string[] | undefined =>
  peers === undefined ? undefined : parseDigests(peers);
