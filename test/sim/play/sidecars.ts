/**
 * The sidecars that tell stellar-core of new peers in a history. Some tell soon, some late, some run but never tell, and
 * some crash again and again. No sidecar reports what it did.
 */
import type { KubeObject, PatchOperation } from '../../../runtime/kube/port.ts';
import { fieldsAt } from '../frozen.ts';
import { patched } from '../json-patch.ts';
import type { Plan } from './plan.ts';
import type { SidecarPlan } from './sidecar-plan.ts';

const NAME = 'stellar-peers-reload';
const planOf = ({ metadata }: KubeObject, { nodes }: Plan): SidecarPlan | undefined =>
  nodes.find(
    ({ namespace, name }) => namespace === metadata.namespace && name === metadata.name.replace(/-\d+$/, ''),
  )?.sidecar;

/** The patch of the webhook. If the plan has a sidecar for this pod, and the pod is injected, adds the sidecar. */
export function withSidecar(
  pod: KubeObject,
  operations: readonly PatchOperation[],
  plan: Plan,
): readonly PatchOperation[] {
  if (operations.length === 0 || !planOf(pod, plan)) return operations;
  const { initContainers } = fieldsAt(patched(pod, operations).spec);
  const others = (Array.isArray(initContainers) ? initContainers : []).filter(
    (each) => fieldsAt(each).name !== NAME,
  );
  const value = [...others, { name: NAME, image: 'stellar/stellar-core:v1', restartPolicy: 'Always' }];
  return [...operations, { op: 'add', path: '/spec/initContainers', value }];
}

/** The sidecar's status that the kubelet writes once the pod runs. */
export function sidecarState(pod: KubeObject, startedAt: string, plan: Plan) {
  return planOf(pod, plan)?.kind === 'crashes'
    ? { restartCount: 3, ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } }
    : { restartCount: 0, ready: true, state: { running: { startedAt } } };
}

/** The plan of the pod's sidecar; undefined for a pod without a sidecar. */
export function sidecarOf(pod: KubeObject, plan: Plan): SidecarPlan | undefined {
  const { initContainers } = fieldsAt(pod.spec);
  const hasOne = Array.isArray(initContainers) && initContainers.some((each) => fieldsAt(each).name === NAME);
  return hasOne ? planOf(pod, plan) : undefined;
}

/** True if the pod's sidecar has ended more than once. The leader then does not rely on the sidecar for a while. */
export const hasEndedAgain = ({ status }: KubeObject): boolean =>
  ((fieldsAt(status).initContainerStatuses ?? []) as ReadonlyArray<Record<string, unknown>>).some(
    ({ name, restartCount }) => name === NAME && Number(restartCount) > 1,
  );

/** True if the leader should rely on the pod's sidecar: it runs, even if it never tells stellar-core anything. */
export function isReliedOn(pod: KubeObject, plan: Plan): boolean {
  const sidecar = sidecarOf(pod, plan);
  return sidecar !== undefined && sidecar.kind !== 'crashes';
}
