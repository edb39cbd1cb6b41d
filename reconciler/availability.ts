/**
 * Who is up: the state of one validator's pods, and what PodDisruptionBudgets say. Pure.
 */
import { podsOf } from '../peers/pods.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import { matchesSelector } from '../peers/selectors.ts';
import type { PdbFacts, PodFacts, StatefulSetFacts, Validator, World } from '../peers/world.ts';

/** True while the StatefulSet's controller has something to do: a roll or a change of size. */
export const isUnsettled = (statefulSet: StatefulSetFacts): boolean =>
  statefulSet.observedGeneration < statefulSet.generation ||
  statefulSet.currentReplicas !== statefulSet.replicas ||
  (statefulSet.updateRevision !== '' && statefulSet.currentRevision !== statefulSet.updateRevision);

const isUp = (pod: PodFacts): boolean => pod.ready && !pod.deleting;

/** True if all pods of the StatefulSet are there and Ready. */
export function allReady(world: World, statefulSet: StatefulSetFacts): boolean {
  const pods = podsOf(world, statefulSet);
  return pods.length === statefulSet.replicas && pods.every(isUp);
}

/** Why a validator is down, and whether nobody expects it up: suspended, without pods by its own spec, never Ready. */
export interface Down {
  readonly why: string;
  readonly expected: boolean;
}

const down = (why: string, expected = false): Down => ({ why, expected });

/** Why the validator counts as down; undefined while it is up, or does not count. */
export function downBecause(
  world: World,
  validator: Validator,
  statefulSet: StatefulSetFacts | undefined,
): Down | undefined {
  if (validator.budget === UNCOUNTED) return undefined;
  if (validator.suspended) return down('suspended', true);
  if (validator.maintenance) return down('in maintenance');
  if (!statefulSet) return down('without StatefulSet');
  if (isUnsettled(statefulSet)) return down('being rolled');
  if (statefulSet.replicas === 0) return down('scaled to 0', validator.replicas === 0);
  if (allReady(world, statefulSet)) return undefined;
  return wasNeverReady(world, validator, statefulSet) ? down('never Ready so far', true) : down('not Ready');
}

/** The one value of the annotation `stellar.org/peer-budget`. */
export const UNCOUNTED = 'uncounted';

/** An operator makes the StatefulSet within this; a later one may follow one that ran for months. */
const FIRST_SET_MS = 60_000;
/** A StatefulSet makes its first pod within this. */
const FIRST_POD_MS = 15_000;
/** A kubelet writes the first, false Ready condition within this of scheduling. */
const FIRST_STATUS_MS = 10_000;

/**
 * True if no pod of the validator can ever have been Ready: only the first ones of its first StatefulSet exist, and
 * their Ready condition has not changed since they were scheduled. In doubt false: then the validator counts as one
 * that went down. (docs/decisions/0013)
 */
function wasNeverReady(world: World, validator: Validator, statefulSet: StatefulSetFacts): boolean {
  if (statefulSet.createdAtMs - validator.createdAtMs > FIRST_SET_MS) return false;
  const pods = podsOf(world, statefulSet);
  const isFirst = (pod: PodFacts) => pod.createdAtMs - statefulSet.createdAtMs < FIRST_POD_MS;
  const isUnchanged = ({ readyChangedAtMs, scheduledAtMs }: PodFacts) =>
    readyChangedAtMs === undefined || readyChangedAtMs - (scheduledAtMs ?? 0) < FIRST_STATUS_MS;
  return pods.length > 0 && pods.every((pod) => !pod.ready && isFirst(pod) && isUnchanged(pod));
}

/** When the last pod of the StatefulSet became Ready, ms since the epoch; 0 without pods. */
export const readySinceMs = (world: World, statefulSet: StatefulSetFacts): number =>
  Math.max(0, ...podsOf(world, statefulSet).map((pod) => pod.readyChangedAtMs ?? Number.POSITIVE_INFINITY));

/**
 * The first of a namespace's budgets that forbids to disrupt these pods of it now. A StatefulSet's roll does not ask budgets, so we do.
 * One that could never allow anything is set aside only if the validator's own operator generated it
 * (upstream makes minAvailable 1 over one pod); a person's says what it means.
 */
export function forbiddingBudget(
  budgets: readonly PdbFacts[],
  validator: Validator,
  pods: readonly PodFacts[],
): Reason | undefined {
  for (const pdb of budgets) {
    if (!covers(pdb, pods)) continue;
    const generated = pdb.ownerNodeUid === validator.uid;
    if (generated && pdb.desiredHealthy >= pdb.expectedPods) continue;
    if (!pdb.current || pdb.disruptionsAllowed < 1) return reason('PdbForbids', pdb.key);
  }
  return undefined;
}

const covers = (pdb: PdbFacts, pods: readonly PodFacts[]): boolean => {
  const { selector } = pdb;
  return selector !== undefined && pods.some((pod) => matchesSelector(selector, pod.labels));
};
