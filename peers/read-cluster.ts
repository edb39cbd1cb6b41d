/**
 * Raw budgets, Services, Namespaces, ConfigMaps and the webhook configuration → the facts we read of them.
 */
import { type Fields, fieldsOf, listOf, numberOf, stringsOf, textOf, timeOf } from './field.ts';
import { namedOf } from './named.ts';
import { ANNOTATION_ADOPT, ANNOTATION_ROLLOUT, FIELD_MANAGER } from './names.ts';
import { labelSelectorOf } from './selectors.ts';
import type { ConfigMapFacts, NamespaceFacts, PdbFacts, ServiceFacts, WebhookFacts } from './world.ts';

const annotationsOf = (raw: Fields) => stringsOf(fieldsOf(raw.metadata).annotations);

/** What we read of a PodDisruptionBudget. */
export function readPdb(raw: Fields): PdbFacts {
  const metadata = fieldsOf(raw.metadata);
  const spec = fieldsOf(raw.spec);
  const status = fieldsOf(raw.status);
  const owner = listOf(metadata.ownerReferences).find(
    (reference) => reference.controller === true && reference.kind === 'StellarNode',
  );
  return {
    ...namedOf(fieldsOf(raw.metadata)),
    ownerNodeUid: textOf(owner?.uid),
    selector: spec.selector === undefined ? undefined : labelSelectorOf(spec.selector),
    disruptionsAllowed: numberOf(status.disruptionsAllowed) ?? 0,
    desiredHealthy: numberOf(status.desiredHealthy) ?? 0,
    expectedPods: numberOf(status.expectedPods) ?? 0,
    current: (numberOf(status.observedGeneration) ?? -1) >= (numberOf(metadata.generation) ?? 0),
  };
}

/** What we read of a Service. */
export function readService(raw: Fields): ServiceFacts {
  const spec = fieldsOf(raw.spec);
  return {
    ...namedOf(fieldsOf(raw.metadata)),
    headless: spec.clusterIP === 'None',
    publishesNotReady: spec.publishNotReadyAddresses === true,
  };
}

/** What we read of a Namespace. */
export function readNamespace(raw: Fields): NamespaceFacts {
  const metadata = fieldsOf(raw.metadata);
  const annotations = annotationsOf(raw);
  return {
    name: textOf(metadata.name) ?? '',
    terminating: metadata.deletionTimestamp !== undefined,
    labels: stringsOf(metadata.labels),
    rollout: annotations[ANNOTATION_ROLLOUT],
    adopt: annotations[ANNOTATION_ADOPT],
  };
}

/** Data keys held by server-side apply of the managers that `isWanted` names. */
function appliedKeysOf(metadata: Fields, isWanted: (manager: unknown) => boolean): string[] {
  const keys = listOf(metadata.managedFields)
    .filter((entry) => entry.operation === 'Apply' && isWanted(entry.manager))
    .flatMap((entry) => Object.keys(fieldsOf(fieldsOf(entry.fieldsV1)['f:data'])))
    .filter((key) => key.startsWith('f:'))
    .map((key) => key.slice(2));
  return [...new Set(keys)].sort();
}

/** What we read of a ConfigMap. */
export function readConfigMap(raw: Fields): ConfigMapFacts {
  const metadata = fieldsOf(raw.metadata);
  return {
    ...namedOf(fieldsOf(raw.metadata)),
    version: textOf(metadata.resourceVersion) ?? '',
    data: stringsOf(raw.data),
    rollout: annotationsOf(raw)[ANNOTATION_ROLLOUT],
    ownKeys: appliedKeysOf(metadata, (manager) => manager === FIELD_MANAGER),
    // A key may stand in `data` or in `binaryData`, not in both: what stands in the latter is somebody else's.
    foreignKeys: [
      ...new Set([
        ...appliedKeysOf(metadata, (manager) => manager !== FIELD_MANAGER),
        ...Object.keys(fieldsOf(raw.binaryData)),
      ]),
    ].sort(),
  };
}

function readWebhookEntry(entry: Fields): WebhookFacts['entries'][number] {
  const client = fieldsOf(entry.clientConfig);
  const service = fieldsOf(client.service);
  const serviceName = textOf(service.name);
  return {
    name: textOf(entry.name) ?? '',
    namespaceSelector: labelSelectorOf(entry.namespaceSelector),
    objectSelector: labelSelectorOf(entry.objectSelector),
    matchConditions: listOf(entry.matchConditions).map((condition) => textOf(condition.expression) ?? ''),
    url: textOf(client.url),
    service:
      serviceName === undefined
        ? undefined
        : {
            namespace: textOf(service.namespace) ?? '',
            name: serviceName,
            path: textOf(service.path) ?? '/',
            port: numberOf(service.port) ?? 443,
          },
    caBundle: textOf(client.caBundle) ?? '',
  };
}

/** What we read of the MutatingWebhookConfiguration. */
export function readWebhook(raw: Fields): WebhookFacts {
  return {
    createdAtMs: timeOf(fieldsOf(raw.metadata).creationTimestamp) ?? 0,
    entries: listOf(raw.webhooks).map(readWebhookEntry),
  };
}
