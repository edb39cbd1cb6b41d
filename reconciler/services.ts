/**
 * The governing headless Services: which are missing, and which hide pods from each other. Pure.
 * The upstream operator names one in each StatefulSet and never creates it.
 */
import type { Discovery } from '../peers/discover.ts';
import { COMPONENT, STELLAR_API_VERSION } from '../peers/names.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import {
  type Key,
  type ServiceFacts,
  type StatefulSetFacts,
  storedKeyOf,
  type Validator,
  type World,
} from '../peers/world.ts';

export interface ServicePlan {
  readonly create: ReadonlyArray<{ readonly validator: Validator; readonly statefulSet: StatefulSetFacts }>;
  /** Services that are there and do not serve, by StellarNode. Never changed, only reported. */
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

/** Made once: every pass asks for all of them. */
const serviceKeys = new WeakMap<StatefulSetFacts, Key>();

/** The key of the Service that a StatefulSet names; undefined where it names none that could be made. */
function serviceKeyOf(statefulSet: StatefulSetFacts): Key | undefined {
  const known = serviceKeys.get(statefulSet);
  if (known !== undefined) return known;
  const { namespace, serviceName: name } = statefulSet;
  if (name === '' || name.length > SERVICE_NAME_MAX) return undefined;
  const key = storedKeyOf(namespace, name);
  serviceKeys.set(statefulSet, key);
  return key;
}

function complaintOf(service: ServiceFacts): Reason | undefined {
  if (!service.headless) return reason('ServiceNotHeadless', service.name);
  return service.publishesNotReady ? undefined : reason('ServiceHidesNotReady', service.name);
}

/** The Service to POST: headless, for not-ready pods too, going with its StellarNode. */
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
