/**
 * Which pod is whose: by owner UID, so that a stray pod with copied labels is never one.
 */
import type { Discovery, Member } from './discover.ts';
import { parseDigests } from './hash.ts';
import { type Key, type PodFacts, type StatefulSetFacts, storedKeyOf, type World } from './world.ts';

/** Keys of a StatefulSet's pods, made once: each pass asks for all of them several times. */
const keysOf = new WeakMap<StatefulSetFacts, readonly Key[]>();

function podKeysOf(statefulSet: StatefulSetFacts): readonly Key[] {
  const known = keysOf.get(statefulSet);
  if (known) return known;
  const { namespace, name, replicas } = statefulSet;
  const keys = Array.from({ length: replicas }, (_, ordinal) => storedKeyOf(namespace, `${name}-${ordinal}`));
  keysOf.set(statefulSet, keys);
  return keys;
}

const ownedBy = (pod: PodFacts | undefined, { uid }: StatefulSetFacts): PodFacts | undefined =>
  pod?.ownerUid === uid ? pod : undefined;

/** All pods of the StatefulSet that are there, by ordinal. */
export function podsOf(world: World, statefulSet: StatefulSetFacts): PodFacts[] {
  const pods: PodFacts[] = [];
  for (const key of podKeysOf(statefulSet)) {
    const pod = ownedBy(world.pods.get(key), statefulSet);
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

/** Parsed once a pod: one that waits to be restarted is asked for them in each pass. */
const startedWith = new WeakMap<PodFacts, readonly string[] | undefined>();

/** Digests of the peers that the pod was started with; undefined where it does not say, or in no form that is known. */
export function digestsOfPod(pod: PodFacts): readonly string[] | undefined {
  if (startedWith.has(pod)) return startedWith.get(pod);
  const digests = pod.peers === undefined ? undefined : parseDigests(pod.peers);
  startedWith.set(pod, digests);
  return digests;
}
