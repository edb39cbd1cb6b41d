/**
 * Which pod is whose: by owner UID, so that a stray pod with copied labels is never one.
 */

import { parseDigests } from '../hash.ts';
import { keyOf, type PodFacts, type StatefulSetFacts, type World } from '../world.ts';
import type { Discovery, Member } from './discover.ts';

const ownedBy = (pod: PodFacts | undefined, { uid }: StatefulSetFacts): PodFacts | undefined =>
  pod?.ownerUid === uid ? pod : undefined;

/** All pods of the StatefulSet that are there, by ordinal. */
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

/** Digests of the peers that the pod was started with; undefined where it does not say, or in no form that is known. */
export const digestsOfPod = ({ peers }: PodFacts): readonly string[] | undefined =>
  peers === undefined ? undefined : parseDigests(peers);
