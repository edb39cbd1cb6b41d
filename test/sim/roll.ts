/**
 * The next step of a StatefulSet controller for one set, by the rules of Kubernetes 1.37: the pods to create, the pods to
 * delete, and the status. Pure.
 */
import type { KubeObject } from '../../runtime/kube/port.ts';
import type { Revision } from './revisions.ts';
import {
  isAvailable,
  isReady,
  isTerminating,
  ordinalOf,
  phaseOf,
  REVISION_LABEL,
  scaled,
  specOf,
} from './workloads.ts';

export interface Creation {
  readonly ordinal: number;
  readonly revision: Revision;
}

export interface Step {
  readonly create: readonly Creation[];
  readonly remove: readonly KubeObject[];
  readonly status: Readonly<Record<string, unknown>>;
}

interface Situation {
  readonly set: KubeObject;
  readonly pods: readonly KubeObject[];
  readonly current: Revision;
  readonly update: Revision;
  readonly nowMs: number;
  /** True to behave like Kubernetes up to 1.35: under OnDelete the current revision in the status never changes. */
  readonly isOld?: boolean;
}

/** A pod that exists, or that must be created. */
type Slot = { readonly pod: KubeObject } | { readonly creation: Creation };
type Actions = { readonly create: Creation[]; readonly remove: KubeObject[] };

const revisionOf = ({ metadata }: KubeObject): string => metadata.labels?.[REVISION_LABEL] ?? '';

/** The next step; empty if the set waits for something or is done. */
export function stepOf(situation: Situation): Step {
  const actions: Actions = { create: [], remove: [] };
  act(situation, actions);
  const replaced = actions.remove.filter((pod) => ordinalOf(pod) < specOf(situation.set).replicas);
  return { ...actions, status: statusOf(situation, replaced.length) };
}

function act(situation: Situation, actions: Actions): void {
  const { set, pods } = situation;
  const { replicas, podManagementPolicy, updateStrategy } = specOf(set);
  if (isTerminating(set)) return;
  const isOrdered = podManagementPolicy !== 'Parallel';
  const slots = Array.from({ length: replicas }, (_, ordinal) => slotOf(situation, ordinal));
  if (!fill(situation, slots, isOrdered, actions)) return;
  const condemned = pods
    .filter((pod) => ordinalOf(pod) >= replicas)
    .sort((a, b) => ordinalOf(b) - ordinalOf(a));
  if (!scaleDown(situation, condemned, isOrdered, actions)) return;
  if (updateStrategy.type !== 'RollingUpdate') return;
  if (isOrdered) rollOrdered(situation, slots, actions);
  else rollParallel(situation, slots, actions);
}

function slotOf({ set, pods, current, update }: Situation, ordinal: number): Slot {
  const pod = pods.find((each) => ordinalOf(each) === ordinal);
  if (pod) return { pod };
  const { type, rollingUpdate } = specOf(set).updateStrategy;
  const isHeldBack = type === 'RollingUpdate' && ordinal < (rollingUpdate?.partition ?? 0);
  return { creation: { ordinal, revision: isHeldBack ? current : update } };
}

const isDown = ({ set, nowMs }: Situation, slot: Slot): boolean =>
  !('pod' in slot) ||
  isTerminating(slot.pod) ||
  !isAvailable(slot.pod, specOf(set).minReadySeconds ?? 0, nowMs);

/** Creates missing pods. True if the controller goes on to the next rule. */
function fill(
  situation: Situation,
  slots: readonly Slot[],
  isOrdered: boolean,
  { create, remove }: Actions,
): boolean {
  let goesOn = true;
  for (const slot of slots) {
    if ('creation' in slot) {
      create.push(slot.creation);
      if (isOrdered) return false;
      continue;
    }
    const { pod } = slot;
    if (phaseOf(pod) === 'Failed' || phaseOf(pod) === 'Succeeded') {
      if (!isTerminating(pod)) remove.push(pod);
      goesOn = false;
    }
    const isHealthy = phaseOf(pod) === 'Running' && !isDown(situation, slot);
    if (isOrdered && !isHealthy) return false;
  }
  return goesOn;
}

/** Deletes excess pods, the highest ordinal first. True if none is left that matters. */
function scaleDown(
  situation: Situation,
  condemned: readonly KubeObject[],
  isOrdered: boolean,
  { remove }: Actions,
): boolean {
  const lowestDown = condemned.findLast((pod) => isDown(situation, { pod }));
  for (const pod of condemned) {
    if (isTerminating(pod)) {
      if (isOrdered) return false;
      continue;
    }
    const isBlocked = isOrdered && isDown(situation, { pod }) && pod !== lowestDown;
    if (isBlocked) return false;
    remove.push(pod);
    if (isOrdered) return false;
  }
  return condemned.every(isTerminating);
}

const isOld = ({ update }: Situation, slot: Slot): slot is { readonly pod: KubeObject } =>
  'pod' in slot && revisionOf(slot.pod) !== update.name && !isTerminating(slot.pod);

function limitsOf({ set }: Situation): { readonly partition: number; readonly maxUnavailable: number } {
  const { replicas, updateStrategy } = specOf(set);
  const { partition = 0, maxUnavailable = 1 } = updateStrategy.rollingUpdate ?? {};
  return { partition, maxUnavailable: Math.max(1, scaled(maxUnavailable, replicas, Math.floor)) };
}

function rollOrdered(situation: Situation, slots: readonly Slot[], { remove }: Actions): void {
  const { partition, maxUnavailable } = limitsOf(situation);
  let left = maxUnavailable - slots.filter((slot) => isDown(situation, slot)).length;
  for (const slot of slots.slice(partition).reverse()) {
    if (left <= 0) return;
    if (!isOld(situation, slot)) continue;
    remove.push(slot.pod);
    left -= 1;
  }
}

/** Replaces pods that are down at once, and other pods within the budget. */
function rollParallel(situation: Situation, slots: readonly Slot[], { remove }: Actions): void {
  const { partition, maxUnavailable } = limitsOf(situation);
  let left = maxUnavailable - slots.filter((slot) => isDown(situation, slot)).length;
  const old = slots
    .slice(partition)
    .reverse()
    .filter((slot) => isOld(situation, slot));
  for (const slot of old) if (isDown(situation, slot)) remove.push(slot.pod);
  for (const slot of old) {
    if (left <= 0 || isDown(situation, slot)) continue;
    remove.push(slot.pod);
    left -= 1;
  }
}

function statusOf({ set, pods, current, update, nowMs, isOld }: Situation, replaced: number): Step['status'] {
  const { replicas, minReadySeconds = 0, updateStrategy } = specOf(set);
  const ready = pods.filter((pod) => phaseOf(pod) === 'Running' && isReady(pod));
  const living = pods.filter((pod) => !isTerminating(pod));
  const ofRevision = ({ name }: Revision) => living.filter((pod) => revisionOf(pod) === name).length;
  const updatedReplicas = ofRevision(update);
  const mayComplete = !isOld || updateStrategy.type === 'RollingUpdate';
  const isComplete =
    mayComplete && updatedReplicas === replicas && ready.length === replicas && pods.length === replicas;
  return {
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas: unlessZero(ready.length),
    availableReplicas: ready.filter((pod) => isAvailable(pod, minReadySeconds, nowMs)).length,
    currentRevision: isComplete ? update.name : current.name,
    currentReplicas: unlessZero(isComplete ? updatedReplicas : ofRevision(current) - replaced),
    updateRevision: update.name,
    updatedReplicas: unlessZero(updatedReplicas),
    collisionCount: 0,
  };
}

/** The API server omits counts of zero. */
const unlessZero = (count: number): number | undefined => (count === 0 ? undefined : count);
