/**
 * Whether a validator is up, by the state of its pods, and what PodDisruptionBudgets allow. Pure.
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

/**
 * True if the status shows whether the roll has ended. With a partition or OnDelete the status may keep its former
 * revision for ever, so the pods show it.
 */
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

const isUp = (pod: PodFacts): boolean => pod.ready && !pod.deleting;

/** True if all pods of the StatefulSet are there and Ready. */
export function allReady(world: World, statefulSet: StatefulSetFacts): boolean {
  const pods = podsOf(world, statefulSet);
  return pods.length === statefulSet.replicas && pods.every(isUp);
}

/**
 * Whether a validator that is down uses up a part of MAX_UNAVAILABLE. One that may be down for good must not block the
 * budget.
 */
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
  // A StatefulSet of the same name but of another owner may be what ran until now. Then the absence is not for good.
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

/** An operator creates the StatefulSet within this time. A later StatefulSet may follow one that ran for months. */
const FIRST_SET_MS = 60_000;
/** The StatefulSet controller creates the first pod within this time. */
const FIRST_POD_MS = 15_000;
/** A kubelet writes the first Ready condition, which is false, within this time of scheduling. */
const FIRST_STATUS_MS = 10_000;
/** The times of a kubelet whose clock is further behind are not believed. */
const KUBELET_BEHIND_MS = 3_000;

/**
 * True if no pod of the validator can ever have been Ready: only the first pods of its first StatefulSet exist, and
 * their Ready condition has never changed. False in doubt, so that the validator counts as one that went down.
 * (docs/decisions/0013)
 */
function wasNeverReady(world: World, validator: Validator, statefulSet: StatefulSetFacts): boolean {
  if (statefulSet.createdAtMs - validator.createdAtMs > FIRST_SET_MS) return false;
  const pods = podsOf(world, statefulSet);
  const isFirst = (pod: PodFacts) => pod.createdAtMs - statefulSet.createdAtMs < FIRST_POD_MS;
  return pods.length > 0 && pods.every((pod) => !pod.ready && isFirst(pod) && isAsAtFirst(pod));
}

/** True if the pod's Ready condition is still the first one, which its kubelet wrote with the condition Initialized. */
function isAsAtFirst(pod: PodFacts): boolean {
  const { readyChangedAtMs, initializedAtMs, scheduledAtMs } = pod;
  if (pod.containerRestarts > 0) return false;
  if (readyChangedAtMs === undefined) return initializedAtMs === undefined && !pod.running;
  if (initializedAtMs === undefined || scheduledAtMs === undefined) return false;
  // The scheduler has another clock, so this only detects a kubelet's clock that is far off.
  const laterMs = readyChangedAtMs - scheduledAtMs;
  return readyChangedAtMs <= initializedAtMs && laterMs >= -KUBELET_BEHIND_MS && laterMs < FIRST_STATUS_MS;
}

/**
 * The first budget of a namespace that forbids to disrupt these pods now. The StatefulSet controller does not check
 * budgets when it rolls pods, so we do. A budget that could never allow a disruption is ignored only if the validator's
 * own operator generated it (upstream sets minAvailable 1 for one pod); a person's budget counts as it is. Restarts of
 * ours, of any group, that have not replaced their pods yet count as disruptions: no status shows them so far.
 */
export function forbiddingBudget(
  budgets: readonly PdbFacts[],
  validator: Validator,
  pods: readonly PodFacts[],
  world: World,
): Reason | undefined {
  const disrupted = disruptedBy(world, validator);
  for (const pdb of budgets) {
    if (!covers(pdb, pods)) continue;
    const generated = pdb.ownerNodeUid === validator.uid;
    if (generated && pdb.desiredHealthy >= pdb.expectedPods) continue;
    const spent = disrupted.filter((each) => covers(pdb, each)).length;
    if (!pdb.current || allowedBy(pdb, world) - spent < 1) return forbiddenBy(pdb, spent);
  }
  return undefined;
}

/**
 * The disruptions that a budget allows, and no more than the pods that are down or missing leave. Its status may not show
 * them: a change of a pod brings only one of the pod's budgets up to date. (kubernetes: pkg/controller/disruption,
 * getPdbForPod)
 */
function allowedBy(pdb: PdbFacts, world: World): number {
  if (pdb.disruptionsAllowed < 1) return 0;
  let [up, wanted] = [0, 0];
  for (const statefulSet of world.statefulSets.values()) {
    if (statefulSet.namespace !== pdb.namespace) continue;
    const pods = podsOf(world, statefulSet);
    const covered = pods.filter((pod) => covers(pdb, [pod]));
    const missing = covers(pdb, [statefulSet.template]) ? statefulSet.replicas - pods.length : 0;
    wanted += covered.length + missing;
    up += covered.filter(isUp).length;
  }
  // A status that is current leaves out a StatefulSet without pods. Pods that we do not see count as up.
  const unseen = Math.max(0, pdb.expectedPods - wanted);
  return Math.min(pdb.disruptionsAllowed, unseen + up - pdb.desiredHealthy);
}

function forbiddenBy({ key, namespace, name }: PdbFacts, spent: number): Reason {
  const ours = spent === 1 ? '1 restart of ours' : `${spent} restarts of ours`;
  const detail = spent === 0 ? key : `${key}, less ${ours} under way`;
  return reasonWith('PdbForbids', detail, `kubectl -n ${namespace} describe pdb ${name}`);
}

/**
 * What restarts of ours disrupt of other validators of the namespace: for each restart, the pods that it is about to
 * replace; one that is down already counts as such. While the StatefulSet has no pod, its template counts: the status
 * of a budget leaves out a StatefulSet without pods, and so allows one disruption more.
 */
const disruptedBy = (world: World, { key, namespace }: Validator): Labelled[][] =>
  openEntries(everyEntry(world.journal))
    .filter((entry) => entry.kind === 'bump' && entry.statefulSet !== key)
    .filter((entry) => namespaceOf(entry.statefulSet) === namespace)
    .map(({ statefulSet, uids }) => {
      const found = world.statefulSets.get(statefulSet);
      const pods = found ? podsOf(world, found) : [];
      if (found && pods.length === 0) return [found.template];
      return pods.every(isUp) ? pods.filter(({ uid }) => uids.includes(uid)) : [];
    });

type Labelled = Pick<PodFacts, 'labels'>;

const covers = (pdb: PdbFacts, pods: readonly Labelled[]): boolean => {
  const { selector } = pdb;
  return selector !== undefined && pods.some((pod) => matchesSelector(selector, pod.labels));
};
