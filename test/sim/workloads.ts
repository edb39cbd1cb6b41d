/** Reads fields of pods, StatefulSets and owners for the simulated controllers. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import { fieldsAt } from './frozen.ts';

export const REVISION_LABEL = 'controller-revision-hash';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime?: string;
}

/** The owner that controls the object, if one does. */
export const controllerOf = ({ metadata }: KubeObject) =>
  metadata.ownerReferences?.find((reference) => reference.controller === true);

export const conditionsOf = ({ status }: KubeObject): readonly Condition[] =>
  (fieldsAt(status).conditions ?? []) as readonly Condition[];

const readyOf = (pod: KubeObject): Condition | undefined =>
  conditionsOf(pod).find(({ type }) => type === 'Ready');

export const phaseOf = ({ status }: KubeObject): string => String(fieldsAt(status).phase ?? '');

export const isReady = (pod: KubeObject): boolean => readyOf(pod)?.status === 'True';

export const isTerminating = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined;

/** True if the pod has been Ready for that long, by the whole seconds of its condition. */
export const isAvailable = (pod: KubeObject, minReadySeconds: number, nowMs: number): boolean =>
  isReady(pod) &&
  (minReadySeconds === 0 ||
    Date.parse(readyOf(pod)?.lastTransitionTime ?? '') + minReadySeconds * 1000 <= nowMs);

/** The ordinal of a pod; -1 for a name that no StatefulSet gives. */
export const ordinalOf = ({ metadata }: KubeObject): number =>
  Number(/-(\d+)$/.exec(metadata.name)?.[1] ?? -1);

interface StatefulSetSpec {
  readonly replicas: number;
  readonly podManagementPolicy: string;
  readonly minReadySeconds?: number;
  readonly serviceName?: string;
  readonly updateStrategy: {
    readonly type: string;
    readonly rollingUpdate?: { readonly partition: number; readonly maxUnavailable: number | string };
  };
  readonly template: {
    readonly metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
    readonly spec: Readonly<Record<string, unknown>>;
  };
  readonly volumeClaimTemplates?: ReadonlyArray<{ readonly metadata: { readonly name: string } }>;
}

/** The spec of a StatefulSet, with defaults. */
export const specOf = (set: KubeObject): StatefulSetSpec => set.spec as unknown as StatefulSetSpec;

/** The value of a number, or of a percentage of `total`. */
export function scaled(value: unknown, total: number, round: (value: number) => number): number {
  return typeof value === 'string' ? round((Number.parseInt(value, 10) * total) / 100) : Number(value);
}
