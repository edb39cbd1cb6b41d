/**
 * Which kinds are watched, how they are selected, and what is kept of each (peers/read-*.ts).
 */
import {
  EXTERNAL_CONFIGMAP,
  JOURNAL_CONFIGMAP,
  PEERS_CONFIGMAP,
  POD_SELECTOR,
  STATEFULSET_SELECTOR,
  WEBHOOK_CONFIGURATION,
} from '../peers/names.ts';
import { readConfigMap, readNamespace, readPdb, readService, readWebhook } from '../peers/read-cluster.ts';
import { readNode } from '../peers/read-node.ts';
import { readPod, readStatefulSet } from '../peers/read-workload.ts';
import { type ConfigMapFacts, storedKeyOf, type WebhookFacts, type World } from '../peers/world.ts';
import type { KubeObject, ListQuery } from './kube.ts';
import * as kinds from './resources.ts';

type Mutable<M> = M extends ReadonlyMap<infer K, infer V> ? Map<K, V> : never;

/** The maps behind a World. */
export type Stores = {
  readonly [K in Exclude<keyof World, 'journal' | 'external' | 'webhook'>]: Mutable<World[K]>;
} & {
  readonly journals: Map<string, ConfigMapFacts>;
  readonly externals: Map<string, ConfigMapFacts>;
  readonly webhooks: Map<string, WebhookFacts>;
  /** The webhook configuration with everything in it, for whoever writes to it. */
  readonly rawWebhooks: Map<string, KubeObject>;
};

/** One kind, watched by one or more queries into one store. */
export interface Source<T> {
  readonly resource: kinds.Resource;
  readonly queries: readonly ListQuery[];
  readonly project: (object: KubeObject) => T;
  readonly store: Map<string, T>;
  readonly keyOf: (object: KubeObject) => string;
}

export interface Scope {
  readonly ownNamespace: string;
  /** Empty for all. */
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
  rawWebhooks: new Map(),
});

const objectKey = (object: KubeObject): string =>
  storedKeyOf(object.metadata.namespace ?? '', object.metadata.name);
const objectName = (object: KubeObject): string => object.metadata.name;
const objectNamespace = (object: KubeObject): string => object.metadata.namespace ?? '';
const byName = (name: string): ListQuery => ({ fieldSelector: `metadata.name=${name}` });

/** One query a watched namespace, or one over all of them. */
const scoped = ({ watchNamespaces }: Scope, query: ListQuery): ListQuery[] =>
  watchNamespaces.length === 0 ? [query] : watchNamespaces.map((namespace) => ({ namespace, ...query }));

/** Kinds that belong to validators and are found by label. */
export function validatorSources(scope: Scope, stores: Stores) {
  const source = <T>(
    resource: kinds.Resource,
    query: ListQuery,
    rest: Pick<Source<T>, 'project' | 'store'>,
  ) => ({
    resource,
    queries: scoped(scope, { ...query, unmanaged: true }),
    keyOf: objectKey,
    ...rest,
  });
  return [
    source(kinds.StellarNodes, {}, { project: readNode, store: stores.nodes }),
    source(
      kinds.StatefulSets,
      { labelSelector: STATEFULSET_SELECTOR },
      { project: readStatefulSet, store: stores.statefulSets },
    ),
    source(kinds.Pods, { labelSelector: POD_SELECTOR }, { project: readPod, store: stores.pods }),
    source(kinds.PodDisruptionBudgets, {}, { project: readPdb, store: stores.pdbs }),
    source(kinds.Services, {}, { project: readService, store: stores.services }),
  ] as ReadonlyArray<Source<unknown>>;
}

/** Kinds that are found by name: Namespaces, and what is ours. */
export function namedSources(scope: Scope, stores: Stores) {
  const { ownNamespace, watchNamespaces } = scope;
  const peersNamespaces =
    watchNamespaces.length === 0 ? [] : [...new Set([...watchNamespaces, ownNamespace])];
  return [
    {
      resource: kinds.Namespaces,
      queries: watchNamespaces.length === 0 ? [{}] : watchNamespaces.map(byName),
      project: readNamespace,
      store: stores.namespaces,
      keyOf: objectName,
    },
    {
      resource: kinds.ConfigMaps,
      queries: scoped({ ownNamespace, watchNamespaces: peersNamespaces }, byName(PEERS_CONFIGMAP)),
      project: readConfigMap,
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
      project: (object: KubeObject) => {
        stores.rawWebhooks.set(object.metadata.name, object);
        return readWebhook(object);
      },
      store: stores.webhooks,
      keyOf: objectName,
    },
  ] as ReadonlyArray<Source<unknown>>;
}

/** The stores as the World that decisions look at. */
export function worldOf(stores: Stores): World {
  const { journals, externals, webhooks, rawWebhooks: _, ...maps } = stores;
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
