/**
 * As much of an API server as the measurements need: lists are made page by page when asked for, watches tell what is
 * pushed, and what is applied is told a moment later. It copies nothing, so that its own work stays small.
 */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Kube, KubeObject, ListQuery, WatchEvent } from '../../runtime/kube.ts';
import * as kinds from '../../runtime/resources.ts';
import type { LargeCluster, Place } from './large-cluster.ts';

const PAGE = 100;
const LIST_VERSION = '1';

export class BenchKube implements Kube {
  readonly #cluster: LargeCluster;
  /** Made beforehand: they are no work of whoever lists. */
  readonly #places: readonly Place[];
  readonly #namespaces: readonly unknown[];
  readonly #watches = new Map<string, Set<(event: WatchEvent) => void>>();
  readonly #configMaps = new Map<string, KubeObject>();
  #version = 1;
  #wire: Promise<void> = Promise.resolve();
  /** Writes of ConfigMaps. */
  writes = 0;

  constructor(cluster: LargeCluster) {
    this.#cluster = cluster;
    this.#places = cluster.places();
    this.#namespaces = cluster.namespaces();
    this.#configMaps.set('stellar-peers', cluster.own());
  }

  /** What makes the objects of one kind, one by one. */
  #makersOf(kind: string): ReadonlyArray<() => unknown> {
    const { node, statefulSet, pod, service, pdb } = this.#cluster;
    const make = new Map<string, (place: Place) => unknown>([
      ['StellarNode', node],
      ['StatefulSet', statefulSet],
      ['Pod', (place) => pod(place)],
      ['Service', service],
      ['PodDisruptionBudget', pdb],
    ]).get(kind);
    if (make) return this.#places.map((place) => () => make(place));
    const others: Record<string, readonly unknown[]> = {
      Namespace: this.#namespaces,
      MutatingWebhookConfiguration: [this.#cluster.webhook()],
      ConfigMap: [...this.#configMaps.values()],
    };
    return (others[kind] ?? []).map((object) => () => object);
  }

  async list({ kind }: kinds.Resource, query: ListQuery = {}) {
    const isOther = kind === 'ConfigMap' && query.fieldSelector !== 'metadata.name=stellar-peers';
    const makers = isOther ? [] : this.#makersOf(kind);
    const items: KubeObject[] = [];
    for (const [index, make] of makers.entries()) {
      items.push(make() as KubeObject);
      if (index % PAGE === PAGE - 1) await turn();
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

  /** The API server tells of a change. */
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

  /** Answers come one after the other, as over a wire: never two in one turn of the event loop. */
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
