/**
 * Pods for which the scheduler finds no node: such a pod could take the node of a validator during its restart. Pure.
 *
 *   the pod is in …                      a Ready validator …
 *   the same namespace                   waits for as long as the pod does
 *   another namespace of the group       waits until the pod is PROGRESS_DEADLINE_SECONDS old; then it gets a remark
 *   a validator marked uncounted         does not wait
 *
 * Read replicas count too, because the operator's rule that keeps validators on separate nodes also holds for them.
 */
import type { Cluster, Group } from '../../../peers/discovery/discover.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import { validatorRead } from '../../../peers/read/read-replica.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import {
  type Key,
  keyOf,
  type PodFacts,
  type StatefulSetFacts,
  type Validator,
  type World,
} from '../../../peers/world.ts';
import { UNCOUNTED } from './availability.ts';
import type { Wait } from './rate-limit.ts';

/** The first pod of the StatefulSet that has no node. */
export const unplacedIn = (world: World, statefulSet: StatefulSetFacts | undefined): PodFacts | undefined =>
  podsOf(world, statefulSet).find(({ unschedulable }) => unschedulable);

/** The pods without a node of all validators of the group that count, and of their read replicas. */
export function unplacedOf(group: Group, input: Cluster): PodFacts[] {
  const { world, discovery } = input;
  const replicas = unplacedReplicas.get(input) ?? replicasIn(world);
  unplacedReplicas.set(input, replicas);
  return group.validators.flatMap(({ key, budget }) => {
    if (budget === UNCOUNTED) return [];
    const own = unplacedIn(world, discovery.statefulSetOf.get(key));
    return [...(own ? [own] : []), ...(replicas.get(key) ?? [])];
  });
}

/** Found once for all groups of a plan: a tenant decides how many groups and such pods there are. */
const unplacedReplicas = new WeakMap<Cluster, ReadonlyMap<Key, readonly PodFacts[]>>();

/** Read replicas without a node, by validator. */
function replicasIn(world: World): ReadonlyMap<Key, readonly PodFacts[]> {
  const unplaced = [...world.pods.values()].filter(({ unschedulable }) => unschedulable);
  const ownerKeyOf = ({ namespace, ownerName = '' }: PodFacts) => keyOf(namespace, ownerName);
  return Map.groupBy(unplaced, (pod) => validatorRead(world, ownerKeyOf(pod)) ?? '');
}

/**
 * The reason about such a pod, also for another validator that waits because of it. The hint contains only the pod's
 * own name: the pod may name any text as its owner, and that must not get into a command.
 */
export const noNode = ({ key, namespace, name }: PodFacts): Reason =>
  reason(
    'NoNode',
    key,
    'Make room for it, or annotate its StellarNode with stellar.org/peer-budget=uncounted. ' +
      `Why: kubectl -n ${namespace} describe pod ${name}`,
  );

/** The wait of a validator because of these pods: one of them could take its node. */
export function unplacedWait(
  unplaced: readonly PodFacts[],
  { namespace }: Validator,
  { nowMs, progressDeadlineMs }: { readonly nowMs: number; readonly progressDeadlineMs: number },
): Wait | undefined {
  const own = unplaced.find((pod) => pod.namespace === namespace);
  if (own) return { reason: noNode(own) };
  const waits = unplaced.map((pod) => ({
    reason: noNode(pod),
    releasedInMs: pod.createdAtMs + progressDeadlineMs - nowMs,
  }));
  waits.sort((a, b) => b.releasedInMs - a.releasedInMs);
  return waits.find(({ releasedInMs }) => releasedInMs > 0);
}
