/**
 * The rights that an install needs and those that our ServiceAccount is granted, as tables that tests compare with the
 * manifests, and what is asked of them. Pure.
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

/** One verb on one resource; without a name on any, without a namespace in all. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
}

const RBAC = 'rbac.authorization.k8s.io';
const ADMISSION = 'admissionregistration.k8s.io';

/** The kinds of manifests/base: group, resource, and whether it stands in our namespace. */
const INSTALLED: ReadonlyArray<readonly [group: string, resource: string, isOurs: boolean]> = [
  ['', 'namespaces', false],
  ['', 'serviceaccounts', true],
  ['', 'services', true],
  ['apps', 'deployments', true],
  ['policy', 'poddisruptionbudgets', true],
  [RBAC, 'clusterroles', false],
  [RBAC, 'clusterrolebindings', false],
  [RBAC, 'roles', true],
  [RBAC, 'rolebindings', true],
  [ADMISSION, 'mutatingwebhookconfigurations', false],
  [ADMISSION, 'validatingadmissionpolicies', false],
  [ADMISSION, 'validatingadmissionpolicybindings', false],
];

/** What `kubectl apply` does with each of them. */
const APPLIES = ['get', 'create', 'patch'];

/** What installing into this namespace needs. */
export const installRights = (ownNamespace: string): Right[] =>
  INSTALLED.flatMap(([group, resource, isOurs]) =>
    APPLIES.map((verb) => ({
      verb,
      group,
      resource,
      name: undefined,
      namespace: isOurs ? ownNamespace : undefined,
    })),
  );

const READ = ['list', 'watch'];
const KEEP = ['get', ...READ, 'create', 'patch'];
type Grant = readonly [group: string, resource: string, verbs: readonly string[], name?: string];

/** Where validators are: in all namespaces, or in those that are watched. */
const WITH_VALIDATORS: readonly Grant[] = [
  ['stellar.org', 'stellarnodes', READ],
  ['', 'pods', [...READ, 'delete']],
  ['', 'services', [...READ, 'create']],
  ['apps', 'statefulsets', [...READ, 'patch']],
  ['policy', 'poddisruptionbudgets', READ],
  ['events.k8s.io', 'events', ['create']],
  ['', 'configmaps', [...KEEP, 'delete'], PEERS_CONFIGMAP],
];

const WEBHOOK: Grant = [
  ADMISSION,
  'mutatingwebhookconfigurations',
  ['get', ...READ, 'patch'],
  WEBHOOK_CONFIGURATION,
];

const AT_HOME: readonly Grant[] = [
  ['', 'configmaps', [...KEEP, 'update'], JOURNAL_CONFIGMAP],
  ['', 'configmaps', READ, EXTERNAL_CONFIGMAP],
  ['coordination.k8s.io', 'leases', [...KEEP, 'update'], LEADER_LEASE],
];
const SECRET: Grant = ['', 'secrets', [...KEEP, 'update'], CERT_SECRET];

const spread = ([group, resource, verbs, name]: Grant, namespace: string | undefined): Right[] =>
  verbs.map((verb) => ({ verb, group, resource, name, namespace }));

type Installed = Pick<Settings, 'namespace' | 'watchNamespaces' | 'certDir'>;

/** What our ServiceAccount needs under these settings. */
export function accountRights({ namespace: own, watchNamespaces, certDir }: Installed): Right[] {
  const watched = listed(watchNamespaces);
  const places = watched.length === 0 ? [undefined] : watched;
  const namespaces: Grant[] =
    watched.length === 0
      ? [['', 'namespaces', READ]]
      : watched.map((name) => ['', 'namespaces', READ, name] as const);
  const overview: Grant[] =
    watched.length === 0 ? [] : [['', 'configmaps', [...KEEP, 'delete'], PEERS_CONFIGMAP]];
  const home = [...AT_HOME, ...(certDir === '' ? [SECRET] : []), ...overview];
  return [
    ...places.flatMap((place) => WITH_VALIDATORS.flatMap((grant) => spread(grant, place))),
    ...[...namespaces, WEBHOOK].flatMap((grant) => spread(grant, undefined)),
    ...home.flatMap((grant) => spread(grant, own)),
  ];
}

/** A right in words. */
export const rightText = ({ verb, group, resource, name, namespace }: Right): string =>
  [
    verb,
    group === '' ? resource : `${resource}.${group}`,
    ...(name === undefined ? [] : [name]),
    ...(namespace === undefined ? [] : [`in ${namespace}`]),
  ].join(' ');

/** Who our ServiceAccount is to the API server. */
export const accountName = (ownNamespace: string): string =>
  `system:serviceaccount:${ownNamespace}:${COMPONENT}`;

/** The body of an access review: of the caller, or of our ServiceAccount. */
export function reviewOf({ verb, group, resource, name, namespace }: Right, ownNamespace?: string) {
  const resourceAttributes = { verb, group, resource, name, namespace };
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${ownNamespace}`, 'system:authenticated'];
  const who = ownNamespace === undefined ? {} : { user: accountName(ownNamespace), groups };
  return { metadata: { name: '' }, spec: { ...who, resourceAttributes } };
}
