/** Finds governing headless Services that are missing (the operator makes none), or that hide pods. Pure. */
import type { Discovery } from '../../../peers/discovery/discover.ts';
import { COMPONENT, STELLAR_API_VERSION } from '../../../peers/names.ts';
import { type Reason, reasonWith } from '../../../peers/reasons/reasons.ts';
import {
  type Key,
  keyOf,
  type ServiceFacts,
  type StatefulSetFacts,
  type Validator,
  type World,
} from '../../../peers/world.ts';
import type { Backoff } from '../../../runtime/backoff.ts';

export interface ServicePlan {
  readonly create: ReadonlyArray<{ readonly validator: Validator; readonly statefulSet: StatefulSetFacts }>;
  /** Existing Services that do not work, by StellarNode. They are reported, never changed. */
  readonly reports: ReadonlyMap<Key, Reason>;
}

/** A DNS label's limit; the API server refuses a longer Service name. */
const SERVICE_NAME_MAX = 63;

/** Services to create for validators whose StatefulSet names one that is not there. */
export function planServices(world: World, { statefulSetOf }: Discovery): ServicePlan {
  const create: Array<ServicePlan['create'][number]> = [];
  const reports = new Map<Key, Reason>();
  for (const [node, statefulSet] of statefulSetOf) {
    const key = serviceKeyOf(statefulSet);
    if (key === undefined) continue;
    const service = world.services.get(key);
    const wrong = service && complaintOf(service);
    if (wrong) reports.set(node, wrong);
    if (service || world.namespaces.get(statefulSet.namespace)?.terminating) continue;
    const reading = world.nodes.get(node);
    if (reading?.kind === 'validator') create.push({ validator: reading.validator, statefulSet });
  }
  return { create, reports };
}

function serviceKeyOf({ namespace, serviceName: name }: StatefulSetFacts): Key | undefined {
  return name === '' || name.length > SERVICE_NAME_MAX ? undefined : keyOf(namespace, name);
}

function complaintOf(service: ServiceFacts): Reason | undefined {
  const { namespace, name, headless, publishesNotReady } = service;
  if (!headless)
    return reasonWith(
      'ServiceNotHeadless',
      name,
      `which it is now: kubectl -n ${namespace} get service ${name} -o yaml`,
    );
  if (publishesNotReady) return undefined;
  const patch = `-p '{"spec":{"publishNotReadyAddresses":true}}'`;
  return reasonWith(
    'ServiceHidesNotReady',
    name,
    `kubectl -n ${namespace} patch service ${name} --type=merge ${patch}`,
  );
}

/** The Service to POST. It is headless, publishes pods that are not Ready too, and is deleted with its StellarNode. */
export function headlessService(validator: Validator, statefulSet: StatefulSetFacts) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: statefulSet.serviceName,
      namespace: validator.namespace,
      labels: { 'app.kubernetes.io/managed-by': COMPONENT },
      ownerReferences: [
        {
          apiVersion: STELLAR_API_VERSION,
          kind: 'StellarNode',
          name: validator.name,
          uid: validator.uid,
        },
      ],
    },
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      ipFamilyPolicy: 'PreferDualStack',
      selector: { ...statefulSet.selector },
      ports: [{ name: 'peer', port: validator.port, targetPort: validator.port, protocol: 'TCP' }],
    },
  };
}

/** How often one refused Service of a namespace is tried again, since a quota may be raised at any time. */
export const REFUSED_SERVICE_MS = 15_000;

/** The refused Services to try again now: of each namespace, the one that has waited longest. */
export function refusedInTurn(keys: Iterable<string>, backoff: Backoff): ReadonlySet<string> {
  const first = new Map<string, string>();
  for (const key of keys) {
    const [namespace = '', name] = key.split('/');
    if (name !== undefined && !first.has(namespace)) first.set(namespace, key);
  }
  const due = [...first].filter(([namespace]) => backoff.isDue(`services ${namespace}`));
  return new Set(due.map(([, key]) => key));
}
