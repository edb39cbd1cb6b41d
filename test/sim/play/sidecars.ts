/**
 * The sidecars that tell stellar-core of new peers in a history: some tell soon, some late, some never though they run,
 * and some crash again and again. None of them reports anything.
 */
import type { KubeObject, PatchOperation } from '../../../runtime/kube/port.ts';
import { fieldsAt } from '../frozen.ts';
import { patched } from '../json-patch.ts';
import type { Random } from '../random.ts';
import { publishedFor } from './members.ts';
import type { Plan } from './plan.ts';
import type { Stage } from './stage.ts';

const NAME = 'stellar-peers-reload';
const SECOND_MS = 1_000;

/** `tells`: so long after a list is published the links are there. `never`: it runs, and no link comes of it. */
export type SidecarPlan =
  | { readonly kind: 'tells'; readonly afterMs: number }
  | { readonly kind: 'never' }
  | { readonly kind: 'crashes' };

interface WithSidecar {
  /** The sidecar of its injected pods; none without it. */
  readonly sidecar?: SidecarPlan | undefined;
}

/** In some histories pods of some have a sidecar. */
export function withSidecars<T extends object>(nodes: readonly T[], random: Random): Array<T & WithSidecar> {
  if (!random.chance(0.4)) return [...nodes];
  const sidecars = (): ReadonlyArray<SidecarPlan | undefined> => [
    { kind: 'tells', afterMs: random.int(1, 20) * SECOND_MS },
    { kind: 'tells', afterMs: random.int(60, 900) * SECOND_MS },
    ...[{ kind: 'never' } as const, { kind: 'crashes' } as const, undefined],
  ];
  return nodes.map((node) => ({ ...node, sidecar: random.pick(sidecars()) }));
}

/** How long a sidecar is believed; short, so that each end comes within a history. The plan says which pods have one. */
export const reloadSettings = (random: Random): Record<string, string> => ({
  PEER_RELOAD: 'off',
  RELOAD_SECONDS: random.pick(['10', '30', '120']),
  RELOAD_DEADLINE_SECONDS: random.pick(['60', '180', '600']),
});

const planOf = ({ metadata }: KubeObject, { nodes }: Plan): SidecarPlan | undefined =>
  nodes.find(
    ({ namespace, name }) => namespace === metadata.namespace && name === metadata.name.replace(/-\d+$/, ''),
  )?.sidecar;

/** The patch of the webhook, with the sidecar where the plan has one: injected pods alone have it. */
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

/** What the kubelet writes of the sidecar once the pod runs. */
export function sidecarState(pod: KubeObject, startedAt: string, plan: Plan) {
  return planOf(pod, plan)?.kind === 'crashes'
    ? { restartCount: 3, ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } }
    : { restartCount: 0, ready: true, state: { running: { startedAt } } };
}

/** What the pod's sidecar does; undefined for a pod without one. */
export function sidecarOf(pod: KubeObject, plan: Plan): SidecarPlan | undefined {
  const { initContainers } = fieldsAt(pod.spec);
  const hasOne = Array.isArray(initContainers) && initContainers.some((each) => fieldsAt(each).name === NAME);
  return hasOne ? planOf(pod, plan) : undefined;
}

/** True for a pod whose sidecar is to be believed, whatever it really does. */
export function isBelieved(pod: KubeObject, plan: Plan): boolean {
  const sidecar = sidecarOf(pod, plan);
  return sidecar !== undefined && sidecar.kind !== 'crashes';
}

/** For how long, in ms, what is published for a validator has been; undefined if nothing is. */
export function publishedForMs(key: string, stage: Stage): number | undefined {
  const published = publishedFor(stage, key);
  return published && stage.time.nowMs() - published.atMs;
}

/** The peers that the pod's sidecar has told it of by now. */
export function toldBySidecar(pod: KubeObject, key: string, stage: Stage): readonly string[] {
  const sidecar = sidecarOf(pod, stage.plan);
  if (sidecar?.kind !== 'tells' || (publishedForMs(key, stage) ?? 0) < sidecar.afterMs) return [];
  return publishedFor(stage, key)?.digests ?? [];
}
