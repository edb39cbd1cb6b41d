/**
 * The rights that our ServiceAccount needs, as a table that a test compares with the manifests, and the access review
 * that asks the API server about one right. Pure.
 */

import { listed, type Settings } from '../../app/settings.ts';
import {
  CERT_SECRET,
  COMPONENT,
  EXTERNAL_CONFIGMAP,
  JOURNAL_CONFIGMAP,
  LEADER_LEASE,
  PEERS_CONFIGMAP,
  WEBHOOK_CONFIGURATION,
} from '../../peers/names.ts';

/** One verb on one resource: on the object `name`, or on all; in `namespace`, or in all namespaces. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
}

const READ = ['list', 'watch'];
/** For objects that we create and keep current. */
const MANAGE = ['get', ...READ, 'create', 'patch'];
type Grant = readonly [group: string, resource: string, verbs: readonly string[], name?: string | undefined];

/** Granted in the namespaces of validators: in all namespaces, or in those that WATCH_NAMESPACES names. */
const WITH_VALIDATORS: readonly Grant[] = [
  ['stellar.org', 'stellarnodes', READ],
  ['', 'pods', [...READ, 'delete']],
  ['', 'services', [...READ, 'create']],
  ['apps', 'statefulsets', [...READ, 'patch']],
  ['policy', 'poddisruptionbudgets', READ],
  ['events.k8s.io', 'events', ['create']],
  ['', 'configmaps', [...MANAGE, 'delete'], PEERS_CONFIGMAP],
];

/** Granted in our own namespace. */
const IN_OWN_NAMESPACE: readonly Grant[] = [
  ['', 'configmaps', [...MANAGE, 'update'], JOURNAL_CONFIGMAP],
  ['', 'configmaps', READ, EXTERNAL_CONFIGMAP],
  ['coordination.k8s.io', 'leases', [...MANAGE, 'update'], LEADER_LEASE],
];
const WEBHOOK: Grant = [
  'admissionregistration.k8s.io',
  'mutatingwebhookconfigurations',
  ['get', ...READ, 'patch'],
  WEBHOOK_CONFIGURATION,
];
/** Only for managed certificates. */
const SECRET: Grant = ['', 'secrets', [...MANAGE, 'update'], CERT_SECRET];
/** Only with WATCH_NAMESPACES: otherwise WITH_VALIDATORS grants the same in all namespaces. */
const OVERVIEW: Grant = ['', 'configmaps', [...MANAGE, 'delete'], PEERS_CONFIGMAP];

/** One right for each verb of the grant. */
const rightsOf = ([group, resource, verbs, name]: Grant, namespace: string | undefined): Right[] =>
  verbs.map((verb) => ({ verb, group, resource, name, namespace }));

type Installed = Pick<Settings, 'namespace' | 'watchNamespaces' | 'certDir'>;

/** What our ServiceAccount needs under these settings. */
export function accountRights({ namespace: own, watchNamespaces, certDir }: Installed): Right[] {
  const watched = listed(watchNamespaces);
  const isEverywhere = watched.length === 0;
  const inNamespaces = isEverywhere ? [undefined] : watched;
  const namespaces = inNamespaces.map((name): Grant => ['', 'namespaces', READ, name]);
  const atHome = [
    ...IN_OWN_NAMESPACE,
    ...(certDir === '' ? [SECRET] : []),
    ...(isEverywhere ? [] : [OVERVIEW]),
  ];
  return [
    ...inNamespaces.flatMap((namespace) => WITH_VALIDATORS.flatMap((grant) => rightsOf(grant, namespace))),
    ...[...namespaces, WEBHOOK].flatMap((grant) => rightsOf(grant, undefined)),
    ...atHome.flatMap((grant) => rightsOf(grant, own)),
  ];
}

/** A right in words, such as `patch statefulsets.apps in stellar`. */
export const rightText = ({ verb, group, resource, name, namespace }: Right): string =>
  [
    verb,
    group === '' ? resource : `${resource}.${group}`,
    ...(name === undefined ? [] : [name]),
    ...(namespace === undefined ? [] : [`in ${namespace}`]),
  ].join(' ');

/** The user name that the API server gives our ServiceAccount. */
export const accountName = (ownNamespace: string): string =>
  `system:serviceaccount:${ownNamespace}:${COMPONENT}`;

/** The body of a SubjectAccessReview: may our ServiceAccount do this? */
export const reviewOf = (resourceAttributes: Right, ownNamespace: string) => ({
  metadata: { name: '' },
  spec: {
    user: accountName(ownNamespace),
    groups: ['system:serviceaccounts', `system:serviceaccounts:${ownNamespace}`, 'system:authenticated'],
    resourceAttributes,
  },
});
