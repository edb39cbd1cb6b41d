/**
 * A directory over validators that a test adds, publishes and changes, as the watches of a replica would.
 */
import { discover } from '../../../peers/discovery/discover.ts';
import { readConfigMap, readNamespace } from '../../../peers/read/cluster.ts';
import { readNode } from '../../../peers/read/stellar-node.ts';
import { readStatefulSet } from '../../../peers/read/workload.ts';
import { publishedView, renderView, viewOf } from '../../../peers/views/views.ts';
import type { ConfigMapFacts, NamespaceFacts, NodeReading, StatefulSetFacts } from '../../../peers/world.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { MembershipReader } from '../../../runtime/kube/membership.ts';
import type { OwnerRef } from '../../../webhook/review/owner.ts';
import { node, statefulSet } from '../world.ts';

const SETTINGS = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;
const MAX_PEERS = 24;
const NAMESPACE = 'stellar';

export class Village implements MembershipReader {
  readonly #clock: Clock;
  readonly #nodes = new Map<string, NodeReading>();
  readonly #statefulSets = new Map<string, StatefulSetFacts>();
  readonly #namespaces = new Map<string, NamespaceFacts>();
  readonly #configMaps = new Map<string, ConfigMapFacts>();
  readonly #changedAtMs = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  hasLeader = true;
  world = {
    nodes: this.#nodes,
    statefulSets: this.#statefulSets,
    namespaces: this.#namespaces,
    configMaps: this.#configMaps,
    pods: new Map(),
    pdbs: new Map(),
    services: new Map(),
    journal: undefined,
    external: undefined,
    webhook: undefined,
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  synced = () => true;
  discovery = () => discover(this.world, SETTINGS);
  leaderAlive = () => this.hasLeader;

  membershipChanges(group: string) {
    const atMs = this.#changedAtMs.get(group);
    return atMs === undefined ? undefined : { firstAtMs: atMs, lastAtMs: atMs };
  }

  desired(key: string) {
    const discovery = this.discovery();
    const group = discovery.groups.get(discovery.groupOf.get(key) ?? '');
    return group && { view: viewOf(key, group, MAX_PEERS), externals: [] };
  }

  published(key: string) {
    const [namespace = '', name = ''] = key.split('/');
    return publishedView(this.#configMaps.get(namespace), name);
  }

  onChange(listener: () => void) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** A StellarNode appears, and its StatefulSet with it unless said otherwise. */
  join(name: string, options: Parameters<typeof node>[1] & { withoutStatefulSet?: boolean } = {}): void {
    const { withoutStatefulSet, ...rest } = options;
    this.#nodes.set(`${NAMESPACE}/${name}`, readNode(node(name, rest)));
    const group = this.discovery().groupOf.get(`${NAMESPACE}/${name}`);
    if (group) this.#changedAtMs.set(group, this.#clock.monotonicMs());
    if (!withoutStatefulSet) this.addStatefulSet(name);
    this.changed();
  }

  /** A StellarNode is deleted. */
  leave(name: string): void {
    this.#nodes.delete(`${NAMESPACE}/${name}`);
    this.changed();
  }

  addStatefulSet(name: string, options: Parameters<typeof statefulSet>[1] = {}): void {
    this.#statefulSets.set(`${NAMESPACE}/${name}`, readStatefulSet(statefulSet(name, options)));
    this.changed();
  }

  labelNamespace(labels: Record<string, string>): void {
    this.#namespaces.set(NAMESPACE, readNamespace({ metadata: { name: NAMESPACE, labels } }));
  }

  /** The leader publishes every view as it should be now. */
  publish(): void {
    const keys = [...this.#nodes.keys()];
    const data = keys.map((key) =>
      renderView(key.split('/')[1] ?? '', this.desired(key) ?? { view: [], externals: [] }, 0),
    );
    const raw = {
      metadata: { name: 'stellar-peers', namespace: NAMESPACE },
      data: Object.assign({}, ...data),
    };
    this.#configMaps.set(NAMESPACE, readConfigMap(raw));
    this.changed();
  }

  /** Names of the validators in the published view of `name`. */
  peersOf(name: string): number {
    return this.published(`${NAMESPACE}/${name}`)?.digests.length ?? -1;
  }
}

/** The StatefulSet that controls the pod of validator `name`. */
export const ownerRef = (name: string): OwnerRef => ({
  key: `${NAMESPACE}/${name}`,
  name,
  uid: `sts-${name}`,
});
