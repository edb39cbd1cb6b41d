/**
 * The part of an API server that the benchmarks need. It makes lists page by page on request and parses them from text, its
 * watches send pushed changes, and an apply appears in the watches a moment later. It stores little, so its own cost is low.
 */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Kube, KubeObject, ListQuery, WatchEvent } from '../../runtime/kube/port.ts';
import * as kinds from '../../runtime/kube/resources.ts';
import type { LargeCluster, Place } from './large-cluster.ts';

/** The number of objects in a page. */
const PAGE = 200;
const LIST_VERSION = '1';

export class BenchKube implements Kube {
  readonly #cluster: LargeCluster;
  /** Made beforehand, so that listing does not cost their making. */
  readonly #namespaces: readonly unknown[];
  readonly #watches = new Map<string, Set<(event: WatchEvent) => void>>();
  readonly #configMaps = new Map<string, KubeObject>();
  #version = 1;
  #wire: Promise<void> = Promise.resolve();
  /** The number of writes of ConfigMaps. */
  writes = 0;

  constructor(cluster: LargeCluster) {
    this.#cluster = cluster;
    this.#namespaces = cluster.namespaces();
    this.#configMaps.set('stellar-peers', cluster.own());
  }

  /** The number of objects of a kind, and the function that makes an object when its page is requested. */
  #peerList(kind: string): { count: number; make: (index: number) => unknown } {
    const { node, statefulSet, pod, service, pdb, size } = this.#cluster;
    const each = (make: (place: Place) => unknown) => ({
      count: size,
      make: (index: number) => make(this.#cluster.place(index)),
    });
    const these = (objects: readonly unknown[]) => ({
      count: objects.length,
      make: (index: number) => objects[index],
    });
    const listings: Record<string, { count: number; make: (index: number) => unknown }> = {
      StellarNode: each(node),
      StatefulSet: each(statefulSet),
      Pod: each((place) => pod(place)),
      Service: each(service),
      PodDisruptionBudget: each(pdb),
      Namespace: these(this.#namespaces),
      MutatingWebhookConfiguration: these([this.#cluster.webhook()]),
      ConfigMap: these([...this.#configMaps.values()]),
    };
    return listings[kind] ?? these([]);
  }

  /** Makes each page as text and parses it, as a client does, so that the objects share no memory. */
  async list<T = KubeObject>(
    { kind }: kinds.Resource,
    query: ListQuery = {},
    read = (object: KubeObject) => object as T,
  ) {
    const isOther = kind === 'ConfigMap' && query.fieldSelector !== 'metadata.name=stellar-peers';
    const { count, make } = this.#peerList(isOther ? '' : kind);
    const items: T[] = [];
    for (let first = 0; first < count; first += PAGE) {
      const length = Math.min(PAGE, count - first);
      const page = JSON.stringify(Array.from({ length }, (_, index) => make(first + index)));
      for (const object of JSON.parse(page) as KubeObject[]) items.push(read(object));
      await turn();
    }
    return { items, resourceVersion: LIST_VERSION };
  }

  watch(
    { kind }: kinds.Resource,
    query: ListQuery & { onOpened?: () => void },
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (kind === 'ConfigMap' && query.fieldSelector !== 'metadata.name=stellar-peers') return ended(signal);
    const listeners = this.#watches.get(kind) ?? new Set();
    this.#watches.set(kind, listeners.add(onEvent));
    query.onOpened?.();
    return ended(signal);
  }

  /** Sends a change to all watches of the kind. */
  push({ kind }: kinds.Resource, type: string, object: unknown): void {
    for (const listener of this.#watches.get(kind) ?? []) listener({ type, object: object as KubeObject });
  }

  async apply({ namespace = '', name }: kinds.ObjectRef, body: KubeObject, { manager }: { manager: string }) {
    this.#version += 1;
    this.writes += 1;
    const before = this.#configMaps.get(namespace);
    const data = (body.data ?? before?.data ?? {}) as Record<string, string>;
    const fields = Object.fromEntries(Object.keys(data).map((key) => [`f:${key}`, {}]));
    const managedFields = [{ manager, operation: 'Apply', fieldsV1: { 'f:data': fields } }];
    const metadata = {
      ...before?.metadata,
      name,
      namespace,
      resourceVersion: `${this.#version}`,
      managedFields,
    };
    const object = { metadata, data };
    this.#configMaps.set(namespace, object);
    await this.#answered();
    void this.#answered().then(() => this.push(kinds.ConfigMaps, before ? 'MODIFIED' : 'ADDED', object));
    return object;
  }

  /** Resolves in a turn of the event loop of its own, as answers over a connection do. */
  #answered(): Promise<void> {
    this.#wire = this.#wire.then(() => delay(1));
    return this.#wire;
  }

  get = async ({ namespace = '' }: kinds.ObjectRef) => this.#configMaps.get(namespace);
  create = async (_: kinds.Resource, body: KubeObject) => body;
  replace = async (_: kinds.ObjectRef, body: KubeObject) => body;
  patch = async (): Promise<KubeObject> => ({ metadata: { name: '' } });
  delete = async () => undefined;
}

const ended = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
