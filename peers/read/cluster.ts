/** Reads the facts that we need from raw budgets, Services, Namespaces, ConfigMaps and the webhook configuration. */
import { type Fields, fieldsOf, listOf, numberOf, stringsOf, textOf, timeOf } from '../field.ts';
import { peerReloadOf } from '../injection/reload.ts';
import { labelSelectorOf } from '../injection/selectors.ts';
import {
  ANNOTATION_ADOPT,
  ANNOTATION_QUORUM_UNKNOWN,
  ANNOTATION_ROLL_FOR,
  ANNOTATION_ROLLOUT,
  FIELD_MANAGER,
  nodeKeys,
  RELOAD_ANNOTATION,
} from '../names.ts';
import type { ConfigMapFacts, NamespaceFacts, PdbFacts, ServiceFacts, WebhookFacts } from '../world.ts';
import { namedOf } from './named.ts';
import { oddOnNamespace } from './odd-annotations.ts';

const annotationsOf = (raw: Fields) => stringsOf(fieldsOf(raw.metadata).annotations);

/** The facts of a PodDisruptionBudget. */
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

/** The facts of a Service. */
export function readService(raw: Fields): ServiceFacts {
  const spec = fieldsOf(raw.spec);
  return {
    ...namedOf(fieldsOf(raw.metadata)),
    headless: spec.clusterIP === 'None',
    publishesNotReady: spec.publishNotReadyAddresses === true,
  };
}

/** The facts of a Namespace. */
export function readNamespace(raw: Fields): NamespaceFacts {
  const metadata = fieldsOf(raw.metadata);
  const annotations = annotationsOf(raw);
  return {
    name: textOf(metadata.name) ?? '',
    terminating: metadata.deletionTimestamp !== undefined,
    labels: stringsOf(metadata.labels),
    rollout: annotations[ANNOTATION_ROLLOUT],
    rollFor: annotations[ANNOTATION_ROLL_FOR],
    adopt: annotations[ANNOTATION_ADOPT],
    quorumUnknown: annotations[ANNOTATION_QUORUM_UNKNOWN],
    peerReload: peerReloadOf(annotations[RELOAD_ANNOTATION]),
    odd: oddOnNamespace(annotations),
  };
}

function appliedKeysOf(metadata: Fields, isWanted: (manager: unknown) => boolean): string[] {
  const keys = listOf(metadata.managedFields)
    .filter((entry) => entry.operation === 'Apply' && isWanted(entry.manager))
    .flatMap((entry) => Object.keys(fieldsOf(fieldsOf(entry.fieldsV1)['f:data'])))
    .filter((key) => key.startsWith('f:'))
    .map((key) => key.slice(2));
  return [...new Set(keys)].sort();
}

/** The facts of a ConfigMap. */
export function readConfigMap(raw: Fields): ConfigMapFacts {
  const metadata = fieldsOf(raw.metadata);
  return {
    ...namedOf(fieldsOf(raw.metadata)),
    version: textOf(metadata.resourceVersion) ?? '',
    data: stringsOf(raw.data),
    rollout: annotationsOf(raw)[ANNOTATION_ROLLOUT],
    ownKeys: appliedKeysOf(metadata, (manager) => manager === FIELD_MANAGER),
    // A key is in `data` or in `binaryData`, never in both. Those in `binaryData` belong to others.
    foreignKeys: [
      ...new Set([
        ...appliedKeysOf(metadata, (manager) => manager !== FIELD_MANAGER),
        ...Object.keys(fieldsOf(raw.binaryData)),
      ]),
    ].sort(),
  };
}

/** The longest text of a foreign key that is kept, because a key that looks like ours may be ours. */
const FOREIGN_LENGTH_MAX = 4_096;
/** The limit for the texts of all foreign keys together, and for their names together. */
const FOREIGN_LENGTHS_MAX = 64 * 1024;
/** The limit for our keys in an immutable ConfigMap. No publication replaces what a tenant wrote there in our name. */
const IMMUTABLE_LENGTHS_MAX = 96 * 1024;
/** We have three keys for each validator, and a ConfigMap has room for some thousand. */
const KEYS_MAX = 10_000;
const OUR_SUFFIXES = Object.values(nodeKeys(''));

/** A filter that rejects each text with which the accepted texts together would be longer than `lengthsMax`. */
function within(lengthsMax: number): (text: string) => boolean {
  let left = lengthsMax;
  return (text) => {
    if (text.length > left) return false;
    left -= text.length;
    return true;
  };
}

/** Sorts keys with a name like ours first: only such a key can be in the way of ours. */
function byLikeness(keys: readonly string[]): string[] {
  const isLikeOurs = (key: string) => OUR_SUFFIXES.some((suffix) => key.endsWith(suffix));
  return [...keys.filter(isLikeOurs), ...keys.filter((key) => !isLikeOurs(key))];
}

/**
 * The facts of a ConfigMap `stellar-peers`. Others may write into it, even under our manager's name. For a key that we
 * did not apply, only the name and a short text are kept. If the text of one of our keys is missing here, the next
 * publication writes it again. It also removes excess keys, unless the ConfigMap is immutable.
 */
export function readPeersConfigMap(raw: Fields): ConfigMapFacts {
  const all = readConfigMap(raw);
  const ownMax = raw.immutable === true ? IMMUTABLE_LENGTHS_MAX : Number.POSITIVE_INFINITY;
  const ownKeys = all.ownKeys.slice(0, KEYS_MAX).filter(within(ownMax));
  const foreignKeys = byLikeness(all.foreignKeys)
    .slice(0, KEYS_MAX)
    .filter(within(FOREIGN_LENGTHS_MAX))
    .sort();
  const own = new Set(ownKeys);
  const others = byLikeness(Object.keys(all.data).filter((key) => !own.has(key)));
  const [isOwnKept, isKept] = [within(ownMax), within(FOREIGN_LENGTHS_MAX)];
  const data: Record<string, string> = {};
  const keep = (key: string, value: string) => Object.defineProperty(data, key, { value, enumerable: true });
  for (const key of ownKeys) {
    const text = Object.hasOwn(all.data, key) ? all.data[key] : undefined;
    if (text !== undefined) keep(key, isOwnKept(text) ? text : '');
  }
  const room = KEYS_MAX - Object.keys(data).length;
  for (const key of others.slice(0, room).filter(within(FOREIGN_LENGTHS_MAX))) {
    const text = all.data[key] ?? '';
    keep(key, text.length <= FOREIGN_LENGTH_MAX && isKept(text) ? text : '');
  }
  return { ...all, ownKeys, foreignKeys, data };
}

const names = (list: unknown, wanted: readonly string[]): boolean =>
  Array.isArray(list) && list.some((each) => wanted.includes(each));

/** True if a webhook rule matches the creation of pods (Kubernetes: RuleWithOperations). */
const takesPods = ({ apiGroups, apiVersions, resources, operations, scope }: Fields): boolean =>
  names(apiGroups, ['', '*']) &&
  names(apiVersions, ['v1', '*']) &&
  names(resources, ['pods', '*', '*/*']) &&
  names(operations, ['CREATE', '*']) &&
  (scope === undefined || scope === '*' || scope === 'Namespaced');

function readWebhookEntry(entry: Fields): WebhookFacts['entries'][number] {
  const client = fieldsOf(entry.clientConfig);
  const service = fieldsOf(client.service);
  const serviceName = textOf(service.name);
  return {
    name: textOf(entry.name) ?? '',
    namespaceSelector: labelSelectorOf(entry.namespaceSelector),
    objectSelector: labelSelectorOf(entry.objectSelector),
    takesPods: listOf(entry.rules).some(takesPods),
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

/** The facts of the MutatingWebhookConfiguration. */
export function readWebhook(raw: Fields): WebhookFacts {
  const metadata = fieldsOf(raw.metadata);
  return {
    version: textOf(metadata.resourceVersion) ?? '',
    createdAtMs: timeOf(metadata.creationTimestamp) ?? 0,
    entries: listOf(raw.webhooks).map(readWebhookEntry),
  };
}
