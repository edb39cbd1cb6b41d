/**
 * What happens to many validators on a real control plane, and when: applied, published, admitted. Seen by watches of
 * our own, which share no code with the product.
 */
import { ConfigMaps, StellarNodes } from '../../runtime/kube/resources.ts';
import type { Cluster } from '../cluster/boot.ts';
import { follow } from '../cluster/follow.ts';
import type { PodWatcher } from '../cluster/pods.ts';
import { createValidator } from '../cluster/scene.ts';
import { until } from '../cluster/until.ts';

/** A validator to be: as many as a hundred share a namespace and a network. */
export interface Place {
  readonly name: string;
  readonly namespace: string;
}
const keyOf = ({ namespace, name }: Place): string => `${namespace}/${name}`;
export const podOf = (place: Place): string => `${keyOf(place)}-0`;

const APPLIED_AT_ONCE = 20;
const MOVED_PORT = 21_625;

/** When each validator was first seen in the ConfigMap of its namespace, ms of the monotonic clock. */
export class Publications {
  readonly #atMs = new Map<string, number>();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  readonly #texts = new Map<string, string>();

  constructor({ admin }: Cluster) {
    const query = { fieldSelector: 'metadata.name=stellar-peers' };
    this.#running = follow(
      { kube: admin, resource: ConfigMaps, query },
      {
        put: ({ metadata, data }) =>
          this.#note(metadata.namespace ?? '', (data ?? {}) as Record<string, string>),
        remove: () => undefined,
      },
      this.#stopping.signal,
    );
  }

  #note(namespace: string, data: Readonly<Record<string, string>>): void {
    const nowMs = performance.now();
    for (const key of Object.keys(data)) {
      const name = key.replace(/\.peers\.txt$/, '');
      if (name === key) continue;
      const known = keyOf({ namespace, name });
      if (!this.#atMs.has(known)) this.#atMs.set(known, nowMs);
    }
    this.#texts.set(namespace, JSON.stringify(data));
  }

  atMs = (place: Place): number | undefined => this.#atMs.get(keyOf(place));

  /** True once some file of that namespace names this address. */
  names = (namespace: string, address: string): boolean =>
    this.#texts.get(namespace)?.includes(address) === true;

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }
}

const apply = (cluster: Cluster, { name, namespace }: Place): Promise<void> =>
  createValidator({ cluster }, name, {
    namespace,
    spec: { customNetworkPassphrase: `${namespace} ; November 2026` },
  });

/** Applies these validators, some at a time, and resolves to when each was applied. */
export async function applyAll(cluster: Cluster, places: readonly Place[]): Promise<Map<Place, number>> {
  const appliedAtMs = new Map<Place, number>();
  const queue = places.values();
  const lane = async () => {
    for (const place of queue) {
      appliedAtMs.set(place, performance.now());
      await apply(cluster, place);
    }
  };
  await Promise.all(Array.from({ length: APPLIED_AT_ONCE }, lane));
  return appliedAtMs;
}

/** Applies one validator; ms until it was published, and until its pod was made with its peers. */
export async function joinOne(
  cluster: Cluster,
  { place, publications, pods }: { place: Place; publications: Publications; pods: PodWatcher },
): Promise<{ publishedMs: number; admittedMs: number }> {
  const startMs = performance.now();
  await apply(cluster, place);
  const published = until(`${place.name} is published`, () => publications.atMs(place), {
    everyMs: 2,
    deadlineMs: 90_000,
  });
  const isAdmitted = ({ pods: all }: PodWatcher) =>
    all.get(podOf(place))?.metadata.annotations?.['stellar.org/peers'] !== undefined;
  await pods.until(`${place.name} is admitted`, isAdmitted, 90_000);
  const admittedMs = performance.now() - startMs;
  return { publishedMs: (await published) - startMs, admittedMs };
}

/** One validator listens on another port; ms from when that is asked for until others are told. */
export async function changePort(
  { admin }: Cluster,
  { place, publications }: { place: Place; publications: Publications },
): Promise<number> {
  const { name, namespace } = place;
  const address = `${name}-0.${name}-headless.${namespace}.svc.cluster.local:${MOVED_PORT}`;
  const startMs = performance.now();
  await admin.patch({ resource: StellarNodes, namespace, name }, [
    { op: 'add', path: '/spec/validatorConfig', value: { peerPort: MOVED_PORT } },
  ]);
  await until('the new port is published', () => publications.names(namespace, address), { everyMs: 2 });
  return performance.now() - startMs;
}

/** ms from a write to the moment at which a watch tells of it, with nothing in between: what the control plane costs. */
export async function bareEchoMs({ admin }: Cluster, name: string): Promise<number> {
  const stopping = new AbortController();
  let seenAtMs: number | undefined;
  const watching = follow(
    { kube: admin, resource: StellarNodes, query: { namespace: 'default' } },
    {
      put: ({ metadata }) => {
        if (metadata.name === name) seenAtMs = performance.now();
      },
      remove: () => undefined,
    },
    stopping.signal,
  );
  const startMs = performance.now();
  await admin.create(StellarNodes, {
    apiVersion: StellarNodes.apiVersion,
    kind: StellarNodes.kind,
    metadata: { name, namespace: 'default' },
    spec: { nodeType: 'Horizon', network: 'testnet', version: 'v1', replicas: 1 },
  });
  const atMs = await until(`${name} is seen`, () => seenAtMs, { everyMs: 1 });
  stopping.abort();
  await watching;
  return atMs - startMs;
}
