/** Resources that only tests use, and how to name a subresource through the Kube port. */
import type { ObjectRef, Resource } from '../../runtime/kube/resources.ts';

export const Nodes: Resource = { apiVersion: 'v1', kind: 'Node', plural: 'nodes' };
export const ServiceAccounts: Resource = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
};
export const LimitRanges: Resource = { apiVersion: 'v1', kind: 'LimitRange', plural: 'limitranges' };
export const ResourceQuotas: Resource = { apiVersion: 'v1', kind: 'ResourceQuota', plural: 'resourcequotas' };
export const NetworkPolicies: Resource = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
};
const ADMISSION = 'admissionregistration.k8s.io/v1';
export const ValidatingPolicies: Resource = {
  apiVersion: ADMISSION,
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
};
export const PolicyBindings: Resource = {
  apiVersion: ADMISSION,
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
};

/** The subresources of one object as a resource: `…/serviceaccounts/x/token`, or `…/pods/x` with name `status`. */
export const under = ({ resource, name }: ObjectRef, ...path: string[]): Resource => ({
  ...resource,
  plural: [resource.plural, name, ...path].join('/'),
});
