/** Resources that only the tests speak of, and how to name a subresource through the Kube port. */
import type { ObjectRef, Resource } from '../../runtime/resources.ts';

export const Nodes: Resource = { apiVersion: 'v1', kind: 'Node', plural: 'nodes' };
export const ServiceAccounts: Resource = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
};

/** What lies under one object, to create in (`…/serviceaccounts/x/token`) or to name (`…/pods/x` + `status`). */
export const under = ({ resource, name }: ObjectRef, ...path: string[]): Resource => ({
  ...resource,
  plural: [resource.plural, name, ...path].join('/'),
});
