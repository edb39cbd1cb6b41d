/**
 * The rights that our ServiceAccount is granted, as a table that a test compares with the manifests, and the review that
 * asks the API server for one of them. Pure.
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

const READ = ['list', 'watch'];
const KEEP = ['get', ...READ, 'create', 'patch'];
type Grant = readonly [group: string, resource: string, verbs: readonly string[], name?: string | undefined];

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

const AT_HOME: readonly Grant[] = [
  ['', 'configmaps', [...KEEP, 'update'], JOURNAL_CONFIGMAP],
  ['', 'configmaps', READ, EXTERNAL_CONFIGMAP],
  ['coordination.k8s.io', 'leases', [...KEEP, 'update'], LEADER_LEASE],
];
const WEBHOOK: Grant = [
  'admissionregistration.k8s.io',
  'mutatingwebhookconfigurations',
  ['get', ...READ, 'patch'],
  WEBHOOK_CONFIGURATION,
];
const SECRET: Grant = ['', 'secrets', [...KEEP, 'update'], CERT_SECRET];
const OVERVIEW: Grant = ['', 'configmaps', [...KEEP, 'delete'], PEERS_CONFIGMAP];

const spread = ([group, resource, verbs, name]: Grant, namespace: string | undefined): Right[] =>
  verbs.map((verb) => ({ verb, group, resource, name, namespace }));

type Installed = Pick<Settings, 'namespace' | 'watchNamespaces' | 'certDir'>;

/** What our ServiceAccount needs under these settings. */
export function accountRights({ namespace: own, watchNamespaces, certDir }: Installed): Right[] {
  const watched = listed(watchNamespaces);
  const isEverywhere = watched.length === 0;
  const places = isEverywhere ? [undefined] : watched;
  const namespaces = places.map((name): Grant => ['', 'namespaces', READ, name]);
  const home = [...AT_HOME, ...(certDir === '' ? [SECRET] : []), ...(isEverywhere ? [] : [OVERVIEW])];
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

/** The body of an access review of our ServiceAccount. */
export const reviewOf = (resourceAttributes: Right, ownNamespace: string) => ({
  metadata: { name: '' },
  spec: {
    user: accountName(ownNamespace),
    groups: ['system:serviceaccounts', `system:serviceaccounts:${ownNamespace}`, 'system:authenticated'],
    resourceAttributes,
  },
});
