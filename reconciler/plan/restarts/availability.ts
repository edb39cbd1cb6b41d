/** Whether a validator is up, by the state of its pods. Pure. */
import { podsOf } from '../../../peers/discovery/pods.ts';
import type { PodFacts, StatefulSetFacts, Validator, World } from '../../../peers/world.ts';

/** True until the StatefulSet controller has seen the last change of the StatefulSet. */
export const isUnobserved = ({ observedGeneration, generation }: StatefulSetFacts): boolean =>
  observedGeneration < generation;

/** True while the StatefulSet controller has work: a roll or a change of size. */
export function isUnsettled(world: World, statefulSet: StatefulSetFacts): boolean {
  const { replicas, updateRevision } = statefulSet;
  if (isUnobserved(statefulSet)) return true;
  const pods = podsOf(world, statefulSet);
  // The status of a roll that was undone has the former revision as both, while pods are still of the later one.
  if (pods.slice(firstRolled(statefulSet)).some((pod) => isOfFormer(pod, statefulSet))) return true;
  if (isRolledInFull(statefulSet)) {
    const isRolled = updateRevision === '' || statefulSet.currentRevision === updateRevision;
    return statefulSet.currentReplicas !== replicas || !isRolled;
  }
  return pods.length !== replicas || pods.some(({ deleting }) => deleting);
}

/** True for a pod that the controller has not made of the newest template. */
export const isOfFormer = ({ revision }: PodFacts, { updateRevision }: StatefulSetFacts): boolean =>
  updateRevision !== '' && revision !== updateRevision;

/** True if the status shows the end of a roll. With a partition or OnDelete it may never do so. */
const isRolledInFull = ({ strategy, partition }: StatefulSetFacts): boolean =>
  strategy === 'RollingUpdate' && partition === 0;

/** Index of the first pod that the controller replaces by itself. The owner must delete the pods before it. */
function firstRolled({ strategy, partition, replicas }: StatefulSetFacts): number {
  if (strategy === 'OnDelete') return replicas;
  return strategy === 'RollingUpdate' ? partition : 0;
}

/** True for a pod that the controller replaces by itself when the template changes. */
export const isReplacedByController = ({ name }: PodFacts, statefulSet: StatefulSetFacts): boolean =>
  Number(name.slice(statefulSet.name.length + 1)) - statefulSet.firstOrdinal >= firstRolled(statefulSet);

export const isUp = (pod: PodFacts): boolean => pod.ready && !pod.deleting;

/** True if all pods of the StatefulSet are there and Ready. */
export function allReady(world: World, statefulSet: StatefulSetFacts): boolean {
  const pods = podsOf(world, statefulSet);
  return pods.length === statefulSet.replicas && pods.every(isUp);
}

/** Whether a validator that is down uses up MAX_UNAVAILABLE. One that is down for good must not block it. */
type InBudget = 'always' | 'while a pod is left' | 'never';

/** Why a validator is down. */
export interface Down {
  readonly why: string;
  readonly inBudget: InBudget;
}

const down = (why: string, inBudget: InBudget = 'always'): Down => ({ why, inBudget });

/** Why the validator counts as down; undefined while it is up, or does not count. */
export function downBecause(
  world: World,
  validator: Validator,
  statefulSet: StatefulSetFacts | undefined,
): Down | undefined {
  if (validator.budget === UNCOUNTED) return undefined;
  if (validator.suspended) return down('suspended', 'never');
  if (validator.maintenance) return down('in maintenance');
  // A StatefulSet of the same name but of another owner may be what ran until now. Then the absence is not for good.
  if (!statefulSet)
    return down(
      'without StatefulSet',
      world.statefulSets.has(validator.key) ? 'always' : 'while a pod is left',
    );
  if (isUnsettled(world, statefulSet)) return down('being rolled');
  if (statefulSet.replicas === 0) return down('scaled to 0', 'while a pod is left');
  return allReady(world, statefulSet) ? undefined : down('not Ready');
}

/** The one value of the annotation `stellar.org/peer-budget`. */
export const UNCOUNTED = 'uncounted';
