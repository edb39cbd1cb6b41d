/**
 * Who is up: the state of one validator's pods, and what PodDisruptionBudgets say. Pure.
 */
import { podsOf } from '../../../peers/discovery/pods.ts';
import { matchesSelector } from '../../../peers/injection/selectors.ts';
import { type Reason, reasonWith } from '../../../peers/reasons/reasons.ts';
import {
  namespaceOf,
  type PdbFacts,
  type PodFacts,
  type StatefulSetFacts,
  type Validator,
  type World,
} from '../../../peers/world.ts';
import { everyEntry } from '../journal/group-journal.ts';
import { openEntries } from '../journal/journal.ts';

/** True until the StatefulSet's controller has seen the last change of the StatefulSet. */
export const isUnobserved = ({ observedGeneration, generation }: StatefulSetFacts): boolean =>
  observedGeneration < generation;

/** True while the StatefulSet's controller has something to do: a roll or a change of size. */
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

/** Where that is not so the pods tell whether it is settled: the status may keep its former revision for ever. */
const isRolledInFull = ({ strategy, partition }: StatefulSetFacts): boolean =>
  strategy === 'RollingUpdate' && partition === 0;

/** The first of its pods that the controller replaces by itself; those before are their owner's to delete. */
function firstRolled({ strategy, partition, replicas }: StatefulSetFacts): number {
  if (strategy === 'OnDelete') return replicas;
  return strategy === 'RollingUpdate' ? partition : 0;
}

/** True for a pod that the controller replaces by itself when the template changes. */
export const isReplacedByController = ({ name }: PodFacts, statefulSet: StatefulSetFacts): boolean =>
  Number(name.slice(statefulSet.name.length + 1)) - statefulSet.firstOrdinal >= firstRolled(statefulSet);

const isUp = (pod: PodFacts): boolean => pod.ready && !pod.deleting;

/** True if all pods of the StatefulSet are there and Ready. */
export function allReady(world: World, statefulSet: StatefulSetFacts): boolean {
  const pods = podsOf(world, statefulSet);
  return pods.length === statefulSet.replicas && pods.every(isUp);
}

/** Whether a validator that is down takes up a part of MAX_UNAVAILABLE: not where it could be down for good. */
type InBudget = 'always' | 'unless the margin holds' | 'while a pod is left' | 'never';

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
  // One of its name that is not its own may be what ran until now: that is no absence for good.
  if (!statefulSet)
    return down(
      'without StatefulSet',
      world.statefulSets.has(validator.key) ? 'always' : 'while a pod is left',
    );
  if (isUnsettled(world, statefulSet)) return down('being rolled');
  if (statefulSet.replicas === 0) return down('scaled to 0', 'while a pod is left');
  if (allReady(world, statefulSet)) return undefined;
  return wasNeverReady(world, validator, statefulSet)
    ? down('never Ready so far', 'unless the margin holds')
    : down('not Ready');
}

/** The one value of the annotation `stellar.org/peer-budget`. */
export const UNCOUNTED = 'uncounted';

/** An operator makes the StatefulSet within this; a later one may follow one that ran for months. */
const FIRST_SET_MS = 60_000;
/** A StatefulSet makes its first pod within this. */
const FIRST_POD_MS = 15_000;
/** A kubelet writes the first, false Ready condition within this of scheduling. */
const FIRST_STATUS_MS = 10_000;
/** A kubelet whose clock is behind by more is not believed. */
const KUBELET_BEHIND_MS = 3_000;

/**
 * True if no pod of the validator can ever have been Ready: only the first ones of its first StatefulSet exist, and
 * their Ready condition is as it was at first. In doubt false: then the validator counts as one that went down.
 * (docs/decisions/0013)
 */
function wasNeverReady(world: World, validator: Validator, statefulSet: StatefulSetFacts): boolean {
  if (statefulSet.createdAtMs - validator.createdAtMs > FIRST_SET_MS) return false;
  const pods = podsOf(world, statefulSet);
  const isFirst = (pod: PodFacts) => pod.createdAtMs - statefulSet.createdAtMs < FIRST_POD_MS;
  return pods.length > 0 && pods.every((pod) => !pod.ready && isFirst(pod) && isAsAtFirst(pod));
}

/** True if the pod's Ready condition has not changed since its kubelet wrote it first, with the condition Initialized. */
function isAsAtFirst(pod: PodFacts): boolean {
  const { readyChangedAtMs, initializedAtMs, scheduledAtMs } = pod;
  if (pod.containerRestarts > 0) return false;
  if (readyChangedAtMs === undefined) return initializedAtMs === undefined && !pod.running;
  if (initializedAtMs === undefined || scheduledAtMs === undefined) return false;
  // The scheduler has another clock: this only finds out that the kubelet's is far off.
  const laterMs = readyChangedAtMs - scheduledAtMs;
  return readyChangedAtMs <= initializedAtMs && laterMs >= -KUBELET_BEHIND_MS && laterMs < FIRST_STATUS_MS;
}

/**
 * The first of a namespace's budgets that forbids to disrupt these pods of it now. A StatefulSet's roll does not ask budgets, so we do.
 * One that could never allow anything is set aside only if the validator's own operator generated it
 * (upstream makes minAvailable 1 over one pod); a person's says what it means. Restarts of ours that have not
 * replaced their pods yet count, in whichever group: no status tells of these so far.
 */
export function forbiddingBudget(
  budgets: readonly PdbFacts[],
  validator: Validator,
  pods: readonly PodFacts[],
  world: World,
): Reason | undefined {
  const going = podsGoing(world, validator);
  for (const pdb of budgets) {
    if (!covers(pdb, pods)) continue;
    const generated = pdb.ownerNodeUid === validator.uid;
    if (generated && pdb.desiredHealthy >= pdb.expectedPods) continue;
    const spent = going.filter((each) => covers(pdb, each)).length;
    if (!pdb.current || pdb.disruptionsAllowed - spent < 1) {
      const { key, namespace, name } = pdb;
      const detail = spent === 0 ? key : `${key}, less ${spent} restart of ours under way`;
      return reasonWith('PdbForbids', detail, `kubectl -n ${namespace} describe pdb ${name}`);
    }
  }
  return undefined;
}

/** Pods of other validators of the namespace that restarts of ours are about to replace; a list for each restart. */
const podsGoing = (world: World, { key, namespace }: Validator): PodFacts[][] =>
  openEntries(everyEntry(world.journal))
    .filter((entry) => entry.kind === 'bump' && entry.statefulSet !== key)
    .filter((entry) => namespaceOf(entry.statefulSet) === namespace)
    .map(({ statefulSet, uids }) => {
      const found = world.statefulSets.get(statefulSet);
      return found ? podsOf(world, found).filter(({ uid }) => uids.includes(uid)) : [];
    });

const covers = (pdb: PdbFacts, pods: readonly PodFacts[]): boolean => {
  const { selector } = pdb;
  return selector !== undefined && pods.some((pod) => matchesSelector(selector, pod.labels));
};
