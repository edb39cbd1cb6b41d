/** The watched kinds: how the watch selects their objects, and which facts of each are kept (peers/read/). */
import {
  EXTERNAL_CONFIGMAP,
  JOURNAL_CONFIGMAP,
  PEERS_CONFIGMAP,
  POD_SELECTOR,
  STATEFULSET_SELECTOR,
  WEBHOOK_CONFIGURATION,
} from '../../peers/names.ts';
import {
  readConfigMap,
  readNamespace,
  readPdb,
  readPeersConfigMap,
  readService,
  readWebhook,
} from '../../peers/read/cluster.ts';
import { lightNamespace, lightNode, lightPdb, lightPod, lightStatefulSet } from '../../peers/read/light.ts';
import { readNode } from '../../peers/read/stellar-node.ts';
import { weightOf } from '../../peers/read/weight.ts';
import { readPod, readStatefulSet } from '../../peers/read/workload.ts';
import { type ConfigMapFacts, keyOf, type WebhookFacts, type World } from '../../peers/world.ts';
import type { KubeObject, ListQuery } from './port.ts';
import * as kinds from './resources.ts';

type Mutable<M> = M extends ReadonlyMap<infer K, infer V> ? Map<K, V> : never;

/** The maps behind a World. */
export type Stores = {
  readonly [K in Exclude<keyof World, 'journal' | 'external' | 'webhook'>]: Mutable<World[K]>;
} & {
  readonly journals: Map<string, ConfigMapFacts>;
  readonly externals: Map<string, ConfigMapFacts>;
  readonly webhooks: Map<string, WebhookFacts>;
};

/** One kind, watched by one or more queries into one store. */
export interface WatchedKind<T> {
  readonly resource: kinds.Resource;
  readonly queries: readonly ListQuery[];
  /** The facts to keep of an object. They must be JSON values, because they are compared as such. */
  readonly project: (object: KubeObject) => T;
  /** The facts to keep of an object that is too large, or whose namespace is full; `why` says which. */
  readonly light?: ((object: KubeObject, why: string) => T) | undefined;
  readonly store: Map<string, T>;
  readonly keyOf: (object: KubeObject) => string;
}

export interface Scope {
  readonly ownNamespace: string;
  /** The namespaces to watch; empty for all. */
  readonly watchNamespaces: readonly string[];
}

export const createStores = (): Stores => ({
  nodes: new Map(),
  statefulSets: new Map(),
  pods: new Map(),
  pdbs: new Map(),
  services: new Map(),
  namespaces: new Map(),
  configMaps: new Map(),
  journals: new Map(),
  externals: new Map(),
  webhooks: new Map(),
});

const objectKey = (object: KubeObject): string =>
  keyOf(object.metadata.namespace ?? '', object.metadata.name);
const objectName = (object: KubeObject): string => object.metadata.name;
const objectNamespace = (object: KubeObject): string => object.metadata.namespace ?? '';
const byName = (name: string): ListQuery => ({ fieldSelector: `metadata.name=${name}` });

/** Larger than any real object of a validator. Of a larger object only some hundred bytes are kept. */
export const OBJECT_BYTES_MAX = 96 * 1024;

/** Projects by `project`, or by `light` if the result would be too large. */
const bounded =
  <T>(project: (object: KubeObject) => T, light: (object: KubeObject, why: string) => T) =>
  (object: KubeObject): T => {
    const facts = project(object);
    if (weightOf(facts) <= OBJECT_BYTES_MAX) return facts;
    return light(object, `more than ${OBJECT_BYTES_MAX / 1024} KiB`);
  };

const scoped = ({ watchNamespaces }: Scope, query: ListQuery): ListQuery[] =>
  watchNamespaces.length === 0 ? [query] : watchNamespaces.map((namespace) => ({ namespace, ...query }));

/** Kinds that belong to validators and are found by label. */
export function validatorSources(scope: Scope, stores: Stores) {
  const source = <T>(
    resource: kinds.Resource,
    query: ListQuery,
    { project, light, store }: Pick<WatchedKind<T>, 'project' | 'light' | 'store'>,
  ) => ({
    resource,
    queries: scoped(scope, { ...query, unmanaged: true }),
    keyOf: objectKey,
    ...{ project: light ? bounded(project, light) : project, light, store },
  });
  return [
    source(kinds.StellarNodes, {}, { project: readNode, light: lightNode, store: stores.nodes }),
    source(
      kinds.StatefulSets,
      { labelSelector: STATEFULSET_SELECTOR },
      { project: readStatefulSet, light: lightStatefulSet, store: stores.statefulSets },
    ),
    source(
      kinds.Pods,
      { labelSelector: POD_SELECTOR },
      { project: readPod, light: lightPod, store: stores.pods },
    ),
    source(kinds.PodDisruptionBudgets, {}, { project: readPdb, light: lightPdb, store: stores.pdbs }),
    source(kinds.Services, {}, { project: readService, store: stores.services }),
  ] as ReadonlyArray<WatchedKind<unknown>>;
}

/** Kinds that are found by name: Namespaces, and our own objects. */
export function namedSources(scope: Scope, stores: Stores) {
  const { ownNamespace, watchNamespaces } = scope;
  const peersNamespaces =
    watchNamespaces.length === 0 ? [] : [...new Set([...watchNamespaces, ownNamespace])];
  return [
    {
      resource: kinds.Namespaces,
      queries: watchNamespaces.length === 0 ? [{}] : watchNamespaces.map(byName),
      ...{ project: bounded(readNamespace, lightNamespace), light: lightNamespace },
      store: stores.namespaces,
      keyOf: objectName,
    },
    {
      resource: kinds.ConfigMaps,
      queries: scoped({ ownNamespace, watchNamespaces: peersNamespaces }, byName(PEERS_CONFIGMAP)),
      project: readPeersConfigMap,
      store: stores.configMaps,
      keyOf: objectNamespace,
    },
    ...[
      { name: JOURNAL_CONFIGMAP, store: stores.journals },
      { name: EXTERNAL_CONFIGMAP, store: stores.externals },
    ].map(({ name, store }) => ({
      resource: kinds.ConfigMaps,
      queries: [{ namespace: ownNamespace, ...byName(name) }],
      project: readConfigMap,
      store,
      keyOf: objectName,
    })),
    {
      resource: kinds.MutatingWebhookConfigurations,
      queries: [byName(WEBHOOK_CONFIGURATION)],
      project: readWebhook,
      store: stores.webhooks,
      keyOf: objectName,
    },
  ] as ReadonlyArray<WatchedKind<unknown>>;
}

/** The stores as a World for decisions. */
export function worldOf(stores: Stores): World {
  const { journals, externals, webhooks, ...maps } = stores;
  return {
    ...maps,
    get journal() {
      return journals.get(JOURNAL_CONFIGMAP);
    },
    get external() {
      return externals.get(EXTERNAL_CONFIGMAP);
    },
    get webhook() {
      return webhooks.get(WEBHOOK_CONFIGURATION);
    },
  };
}
