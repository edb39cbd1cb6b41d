/**
 * The API server's rules for each kind: generations, defaults, immutable fields and validation. Only the rules that the
 * product and its surroundings can meet.
 */
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Pods, type Resource } from '../../runtime/kube/resources.ts';
import { fieldsAt, isSame } from './frozen.ts';
import { invalid } from './refusals.ts';
import { objectSelects } from './selectors.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Rules {
  /** True if the generation counts all changes outside metadata and status. */
  readonly generation?: true;
  /** True if a plain write does not change the status. */
  readonly status?: true;
  readonly clusterScoped?: true;
  /** True if a PUT must have a resourceVersion. */
  readonly versioned?: true;
  /** True if the owners of its fields do not matter. */
  readonly unowned?: true;
  /** True if the objects show `managedFields`. For other kinds they are only kept internally. */
  readonly listsOwners?: true;
  /** Fields that the server fills in. */
  readonly defaults?: (object: KubeObject) => KubeObject;
  /** Validates a write. Throws KubeError 422. */
  readonly check?: (object: KubeObject, former: KubeObject | undefined) => void;
}

const GRACE_SECONDS = 30;
const CONFIGMAP_BYTES_MAX = 1024 * 1024;
const MUTABLE_OF_STATEFULSET = new Set([
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
  'revisionHistoryLimit',
]);

function checkConfigMap({ metadata, data }: KubeObject): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(fieldsAt(data))) bytes += key.length + String(value).length;
  if (bytes > CONFIGMAP_BYTES_MAX) throw invalid(`ConfigMap "${metadata.name}" is invalid: too long`);
}

/** Removes empty maps, so that a template is unchanged after an annotation was added and removed. */
function withoutEmptyMaps(metadata: unknown): Fields {
  const { annotations, labels, ...rest } = fieldsAt(metadata);
  const isFilled = (map: unknown) => Object.keys(fieldsAt(map)).length > 0;
  return { ...rest, ...(isFilled(annotations) && { annotations }), ...(isFilled(labels) && { labels }) };
}

function strategyOf(raw: unknown): Fields {
  const { type = 'RollingUpdate', rollingUpdate } = fieldsAt(raw);
  if (type !== 'RollingUpdate') return { type };
  return { type, rollingUpdate: { partition: 0, maxUnavailable: 1, ...fieldsAt(rollingUpdate) } };
}

function defaultStatefulSet(object: KubeObject): KubeObject {
  const spec = fieldsAt(object.spec);
  const template = fieldsAt(spec.template);
  return {
    ...object,
    spec: {
      replicas: 1,
      podManagementPolicy: 'OrderedReady',
      revisionHistoryLimit: 10,
      ...spec,
      updateStrategy: strategyOf(spec.updateStrategy),
      template: { ...template, metadata: withoutEmptyMaps(template.metadata) },
    },
    status: object.status ?? { replicas: 0 },
  };
}

function checkStatefulSet(object: KubeObject, former: KubeObject | undefined): void {
  const refuse = (why: string) => invalid(`StatefulSet "${object.metadata.name}" is invalid: ${why}`);
  const spec = fieldsAt(object.spec);
  const labels = fieldsAt(fieldsAt(fieldsAt(spec.template).metadata).labels) as Record<string, string>;
  if (!objectSelects(spec.selector, labels)) throw refuse('the selector does not match the template');
  if (!former) return;
  const before = fieldsAt(former.spec);
  const isFixed = (key: string) => !MUTABLE_OF_STATEFULSET.has(key) && !isSame(spec[key], before[key]);
  const changed = [...new Set([...Object.keys(spec), ...Object.keys(before)])].filter(isFixed);
  if (changed.length > 0) throw refuse(`${changed.join()} may not be changed`);
}

function duplicateOf(list: unknown, key: string): unknown {
  const values = (Array.isArray(list) ? list : []).map((item) => fieldsAt(item)[key]);
  return values.find((value, index) => values.indexOf(value) !== index);
}

function checkPod({ metadata, spec }: KubeObject): void {
  const { volumes, containers = [], initContainers = [] } = fieldsAt(spec);
  const all = [...(containers as unknown[]), ...(initContainers as unknown[])].map(fieldsAt);
  const known = new Set((Array.isArray(volumes) ? volumes : []).map((volume) => fieldsAt(volume).name));
  const mounts = all.flatMap(({ volumeMounts }) => (Array.isArray(volumeMounts) ? volumeMounts : []));
  const wrong =
    duplicateOf(volumes, 'name') ??
    duplicateOf(all, 'name') ??
    all.map(({ volumeMounts }) => duplicateOf(volumeMounts, 'mountPath')).find(Boolean) ??
    mounts.map((mount) => fieldsAt(mount).name).find((name) => !known.has(name));
  if (wrong !== undefined) throw invalid(`Pod "${metadata.name}" is invalid: ${wrong}`);
}

const pending = (object: KubeObject): KubeObject => ({
  ...object,
  status: object.status ?? { phase: 'Pending' },
});

const named = (object: KubeObject): KubeObject => {
  const labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
  const status = object.status ?? { phase: 'Active' };
  return { ...object, metadata: { ...object.metadata, labels }, status };
};

const RULES: Readonly<Record<string, Rules>> = {
  StellarNode: { generation: true, status: true, versioned: true },
  StatefulSet: { generation: true, status: true, defaults: defaultStatefulSet, check: checkStatefulSet },
  PodDisruptionBudget: {
    generation: true,
    status: true,
    versioned: true,
    defaults: (object) => ({ ...object, status: object.status ?? NO_BUDGET }),
  },
  Pod: { generation: true, status: true, unowned: true, defaults: pending, check: checkPod },
  Namespace: { status: true, clusterScoped: true, defaults: named },
  MutatingWebhookConfiguration: { generation: true, clusterScoped: true, versioned: true },
  Node: { status: true, clusterScoped: true, unowned: true },
  ConfigMap: { listsOwners: true, check: checkConfigMap },
  Lease: { versioned: true },
  Event: { unowned: true },
};

const NO_BUDGET = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
const NO_RULES: Rules = {};

export const rulesOf = ({ kind }: Pick<Resource, 'kind'>): Rules => RULES[kind] ?? NO_RULES;

/** True if the change increases the generation. */
export function isSpecChange(before: KubeObject, after: KubeObject): boolean {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const key of ['metadata', 'status', 'apiVersion', 'kind']) keys.delete(key);
  return [...keys].some((key) => !isSame(before[key], after[key]));
}

/** The grace period of a deleted object. Only a running pod with a machine has one. */
export function graceSecondsOf({ spec, status }: KubeObject, { kind }: Resource): number {
  if (kind !== Pods.kind) return 0;
  const { nodeName, terminationGracePeriodSeconds = GRACE_SECONDS } = fieldsAt(spec);
  const { phase } = fieldsAt(status);
  const isOver = phase === 'Succeeded' || phase === 'Failed';
  return nodeName === undefined || isOver ? 0 : Number(terminationGracePeriodSeconds);
}
