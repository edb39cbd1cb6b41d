/** Finds the pods of a StatefulSet or member by owner UID, so that a stray pod with copied labels is not found. */
import { parseDigests } from '../hash.ts';
import { keyOf, type PodFacts, type StatefulSetFacts, type World } from '../world.ts';
import type { Discovery, Member } from './discover.ts';

const ownedBy = (pod: PodFacts | undefined, { uid }: StatefulSetFacts): PodFacts | undefined =>
  pod?.ownerUid === uid ? pod : undefined;

/** All existing pods of the StatefulSet, by ordinal; none without a StatefulSet. */
export function podsOf(world: World, statefulSet: StatefulSetFacts | undefined): PodFacts[] {
  if (!statefulSet) return [];
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

export type RunningPod = PodFacts & { readonly ip: string };

/** True for a pod that can be called: it runs, has an address, and is not being deleted. */
export const isRunning = (pod: PodFacts | undefined): pod is RunningPod =>
  pod?.running === true && !pod.deleting && pod.ip !== undefined;

/** Digests of the peers that the pod was started with; undefined if it has no stamp, or one in an unknown format. */
export const digestsOfPod = ({ peers }: PodFacts): readonly string[] | undefined =>
  peers === undefined ? undefined : parseDigests(peers);
