/** The Kubernetes resources that we use: group, version and plural, and their paths. */

export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

const resource = (apiVersion: string, kind: string, plural: string): Resource => ({
  apiVersion,
  kind,
  plural,
});

export const StellarNodes = resource('stellar.org/v1alpha1', 'StellarNode', 'stellarnodes');
export const Namespaces = resource('v1', 'Namespace', 'namespaces');
export const Pods = resource('v1', 'Pod', 'pods');
export const Services = resource('v1', 'Service', 'services');
export const ConfigMaps = resource('v1', 'ConfigMap', 'configmaps');
export const Secrets = resource('v1', 'Secret', 'secrets');
export const StatefulSets = resource('apps/v1', 'StatefulSet', 'statefulsets');
export const Deployments = resource('apps/v1', 'Deployment', 'deployments');
export const PodDisruptionBudgets = resource('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets');
export const Leases = resource('coordination.k8s.io/v1', 'Lease', 'leases');
export const Events = resource('events.k8s.io/v1', 'Event', 'events');
export const MutatingWebhookConfigurations = resource(
  'admissionregistration.k8s.io/v1',
  'MutatingWebhookConfiguration',
  'mutatingwebhookconfigurations',
);

export interface ObjectRef {
  readonly resource: Resource;
  /** Absent for cluster-scoped objects. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Path of a collection in a namespace, or in all namespaces. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.apiVersion === 'v1' ? '/api/v1' : `/apis/${resource.apiVersion}`;
  const scope = namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${scope}/${resource.plural}`;
}

/** Path of one object. */
export const objectPath = (ref: ObjectRef): string =>
  `${collectionPath(ref.resource, ref.namespace)}/${encodeURIComponent(ref.name)}`;
