/**
 * The state of one validator in the simulated cluster, read from the stored objects. This is the witness' own reading, and
 * shares no code with the product.
 */
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { Pods, StatefulSets, StellarNodes } from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import type { Store } from '../store.ts';
import { conditionsOf, controllerOf, isReady, isTerminating, phaseOf, specOf } from '../workloads.ts';

export const RESTART = 'stellar.org/peer-restart';
export const STAMP = 'stellar.org/peers';

export const nodeOf = (store: Store, key: string): KubeObject | undefined =>
  store.get({ resource: StellarNodes, ...split(key) });

/** The StatefulSet of a StellarNode, if the StellarNode controls it. */
export function setOf(store: Store, key: string): KubeObject | undefined {
  const node = nodeOf(store, key);
  const set = store.get({ resource: StatefulSets, ...split(key) });
  return set && node && controllerOf(set)?.uid === node.metadata.uid ? set : undefined;
}

/** The existing pods of a StellarNode, by ordinal. */
export function podsOf(store: Store, key: string): KubeObject[] {
  const set = setOf(store, key);
  const { namespace, name } = split(key);
  const pods = Array.from({ length: set ? specOf(set).replicas : 0 }, (_, ordinal) =>
    store.get({ resource: Pods, namespace, name: `${name}-${ordinal}` }),
  );
  return pods
    .filter((pod) => pod !== undefined)
    .filter((pod) => controllerOf(pod)?.uid === set?.metadata.uid);
}

export function split(key: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

export const annotationOf = (object: KubeObject | undefined, key: string): string | undefined =>
  object?.metadata.annotations?.[key];

export const isSuspended = (node: KubeObject | undefined): boolean => fieldsAt(node?.spec).suspended === true;

export const isInMaintenance = (node: KubeObject | undefined): boolean =>
  fieldsAt(node?.spec).maintenanceMode === true;

/** Our token on the template. */
export const tokenOf = (set: KubeObject | undefined): string | undefined =>
  set && specOf(set).template.metadata?.annotations?.[RESTART];

export const isUp = (pod: KubeObject): boolean => isReady(pod) && !isTerminating(pod);

/** True once the controller has seen the last change. */
export const isObserved = ({ metadata, status }: KubeObject): boolean =>
  Number(fieldsAt(status).observedGeneration ?? 0) >= Number(metadata.generation ?? 0);

/** True once the controller has nothing left to do. Pods that it would not replace may be of an older revision. */
export function isSettled(set: KubeObject): boolean {
  const status = fieldsAt(set.status);
  const { replicas, updateStrategy } = specOf(set);
  const { type, rollingUpdate = { partition: 0 } } = updateStrategy;
  const rolled = type === 'RollingUpdate' ? Math.max(0, replicas - rollingUpdate.partition) : 0;
  const isRolled = rolled < replicas || status.currentRevision === status.updateRevision;
  return (
    isObserved(set) &&
    isRolled &&
    Number(status.updatedReplicas ?? 0) >= rolled &&
    Number(status.replicas ?? 0) === replicas
  );
}

export function allUp(store: Store, key: string): boolean {
  const set = setOf(store, key);
  const pods = podsOf(store, key);
  return set !== undefined && pods.length === specOf(set).replicas && pods.every(isUp);
}

/** Why a validator is down; undefined while it is up. Also for validators that do not count in the budget. */
export function downOf(store: Store, key: string): string | undefined {
  const node = nodeOf(store, key);
  if (isSuspended(node)) return 'suspended';
  if (isInMaintenance(node)) return 'in maintenance';
  const set = setOf(store, key);
  if (!set) return 'without StatefulSet';
  if (!isSettled(set)) return 'unsettled';
  if (specOf(set).replicas === 0) return 'scaled to 0';
  return allUp(store, key) ? undefined : 'not Ready';
}

export const isRunning = (pod: KubeObject): boolean => phaseOf(pod) === 'Running' && !isTerminating(pod);

/** The members in the stamp of a pod; undefined for a pod that is not injected. */
export function knownBy(pod: KubeObject): readonly string[] | undefined {
  const { volumes = [] } = fieldsAt(pod.spec) as { volumes?: ReadonlyArray<{ readonly name: string }> };
  if (!volumes.some(({ name }) => name === 'stellar-peers')) return undefined;
  const list = (annotationOf(pod, STAMP) ?? 'v1:').slice('v1:'.length);
  return list === '' ? [] : list.split(',');
}

/** True for an injected pod without a stamp, so that its peers are not known. */
export const isUnstamped = (pod: KubeObject): boolean =>
  knownBy(pod) !== undefined && annotationOf(pod, STAMP) === undefined;

/** True while the scheduler finds no machine for one of its pods. */
export const isUnplaced = (store: Store, key: string): boolean =>
  podsOf(store, key).some((pod) =>
    conditionsOf(pod).some(({ type, status }) => type === 'PodScheduled' && status === 'False'),
  );

/** When the pod got a machine, in ms since the epoch; 0 if it has none. */
export function scheduledAtMs(pod: KubeObject): number {
  const found = conditionsOf(pod).find(({ type }) => type === 'PodScheduled');
  return found?.status === 'True' ? Date.parse(found.lastTransitionTime ?? '') : 0;
}

/** When its init containers had last run, as its kubelet says. */
export const initializedAt = (pod: KubeObject): string | undefined =>
  conditionsOf(pod).find(({ type }) => type === 'Initialized')?.lastTransitionTime;

/** When its main container was last started, ms since the epoch; 0 if it was not. */
export function startedAtMs(pod: KubeObject): number {
  const { containerStatuses = [] } = fieldsAt(pod.status) as {
    containerStatuses?: ReadonlyArray<{ name: string; state?: { running?: { startedAt: string } } }>;
  };
  const main = containerStatuses.find(({ name }) => name === 'stellar-node');
  return Date.parse(main?.state?.running?.startedAt ?? '') || 0;
}
