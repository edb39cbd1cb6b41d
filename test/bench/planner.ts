/**
 * The reconciler's decisions alone, over a synthetic World: everything, and after one change.
 */
import { discover } from '../../peers/discovery/discover.ts';
import { formatDigests, viewHash } from '../../peers/hash.ts';
import { readConfigMap } from '../../peers/read/cluster.ts';
import { readNode } from '../../peers/read/stellar-node.ts';
import { readStatefulSet } from '../../peers/read/workload.ts';
import { ViewBook } from '../../peers/views/view-book.ts';
import { keyOf, type World } from '../../peers/world.ts';
import type { ConfigMapWrite } from '../../reconciler/plan/publish/namespace-content.ts';
import { planPublish } from '../../reconciler/plan/publish/publish.ts';
import { planServices } from '../../reconciler/plan/publish/services.ts';
import { LivenessMemory } from '../../reconciler/plan/restarts/liveness.ts';
import { planRollout } from '../../reconciler/plan/restarts/rollout.ts';
import { NO_SETBACKS } from '../../reconciler/plan/restarts/setbacks.ts';
import { signalScope } from '../../reconciler/plan/signals/signal-targets.ts';
import { mergeAdvisories } from '../../reconciler/plan/status/advisories.ts';
import { NOW_MS, SETTINGS } from '../unit/reconciler/group.ts';
import { LargeCluster, type Place, placeOf, type StampOf } from './large-cluster.ts';

const MAX_PEERS = 24;
const DISCOVERY = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;
const QUIET = { quietMs: 3_600_000, changingMs: 0 };

type Mutable<M> = M extends ReadonlyMap<infer K, infer V> ? Map<K, V> : never;
const mutable = <M>(map: M): Mutable<M> => map as Mutable<M>;

/** The leader's pure part: plans from nothing each time, and remembers only which pods ran. */
export class Planner {
  readonly world: World;
  readonly #liveness = new LivenessMemory(0);
  /** ms of each part of the last plan. */
  readonly parts = new Map<string, number>();

  constructor(world: World) {
    this.world = world;
  }

  #part<T>(name: string, work: () => T): T {
    const before = process.threadCpuUsage();
    const result = work();
    this.parts.set(name, cpuMs(before));
    return result;
  }

  /** Decides everything, as one pass does. */
  plan(): readonly ConfigMapWrite[] {
    const { world } = this;
    const discovery = this.#part('discovery', () => discover(world, DISCOVERY));
    this.#part('liveness', () => this.#liveness.observe(world, discovery, 0));
    const settings = { ownNamespace: 'stellar-peers', maxPeers: MAX_PEERS };
    const { configMaps } = this.#part('publish', () => planPublish(world, discovery, settings, NOW_MS));
    this.#part('services', () => planServices(world, discovery));
    this.#part('rollout', () =>
      planRollout({
        world,
        discovery,
        liveness: this.#liveness.at(0),
        settings: SETTINGS,
        nowMs: NOW_MS,
        setbacks: NO_SETBACKS,
        quiet: () => QUIET,
        readyForMs: () => QUIET.quietMs,
      }),
    );
    this.#part('remarks', () => mergeAdvisories(world, discovery));
    return configMaps;
  }

  /** Whom a signal may go to, were every port open. */
  signals(): number {
    const { world } = this;
    const discovery = discover(world, DISCOVERY);
    const views = new ViewBook(discovery, MAX_PEERS);
    const peerListOf = views.peerListOf.bind(views);
    const settings = { ownNamespace: 'stellar-peers' };
    return signalScope({ world, discovery, peerListOf, settings, mayListen: () => true, isOpen: () => true })
      .targets.length;
  }

  /** What was to be written is there. */
  write(writes: readonly ConfigMapWrite[]): void {
    for (const { namespace, data, version = '1' } of writes) {
      const fields = Object.fromEntries(Object.keys(data).map((key) => [`f:${key}`, {}]));
      const managedFields = [
        { manager: 'stellar-peers', operation: 'Apply', fieldsV1: { 'f:data': fields } },
      ];
      const metadata = { name: 'stellar-peers', namespace, resourceVersion: `${version}0`, managedFields };
      mutable(this.world.configMaps).set(namespace, readConfigMap({ metadata, data: { ...data } }));
    }
  }

  join(cluster: LargeCluster, place: Place): void {
    const key = keyOf(place.namespace, place.name);
    mutable(this.world.nodes).set(key, readNode(cluster.node(place)));
    mutable(this.world.statefulSets).set(key, readStatefulSet(cluster.statefulSet(place)));
  }
}

/** Stamps of pods that started with the views that would be published now. */
export const stampsOf = (cluster: LargeCluster): StampOf => stampOfAll(allStampsOf(cluster));

export type Stamps = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Where stamps are looked up that were worked out before. */
export const stampOfAll =
  (stamps: Stamps): StampOf =>
  (namespace, name) =>
    stamps.get(keyOf(namespace, name)) ?? {};

/** The same by validator. */
export function allStampsOf(cluster: LargeCluster): Stamps {
  const discovery = discover(cluster.world(), DISCOVERY);
  const views = new ViewBook(discovery, MAX_PEERS);
  const stamps = new Map<string, Record<string, string>>();
  for (const group of discovery.groups.values()) {
    for (const validator of group.validators) {
      const view = views.peerListOf(validator)?.view ?? [];
      stamps.set(validator.key, {
        'stellar.org/peer-hash': viewHash(view.map(({ identity }) => identity)),
        'stellar.org/peers': formatDigests(view.map(({ digest }) => digest)),
      });
    }
  }
  return stamps;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Time of the processor since `before`, in ms. */
function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** Time of the processor that `work` took, in ms. Others share the machine, so no clock on the wall. */
function timed<T>(work: () => T): { ms: number; result: T } {
  const before = process.threadCpuUsage();
  const result = work();
  return { ms: cpuMs(before), result };
}

const REPEATS = 15;

/** Times of one size, in ms. */
export function measurePlanner(size: number) {
  const cluster = new LargeCluster(size);
  cluster.stampOf = stampsOf(cluster);
  // Code that has never run is slow whatever the size: a small cluster of others warms it.
  const warmth = new LargeCluster(60, 'warm');
  for (let index = 0; index < 20; index += 1) new Planner(warmth.world()).plan();
  const planner = new Planner(cluster.world());
  globalThis.gc?.();
  const full = timed(() => planner.plan());
  const fullParts = partsOf(planner.parts);
  planner.write(full.result);
  const joins = Array.from({ length: REPEATS }, (_, index) => {
    const { namespace } = placeOf('a', (index * 97) % size);
    planner.join(cluster, { ...placeOf('z', index * 97), namespace });
    const join = timed(() => planner.plan());
    planner.write(join.result);
    return join.ms;
  });
  const signals = Array.from({ length: 3 }, () => timed(() => planner.signals()).ms);
  return {
    validators: size,
    fullMs: rounded(full.ms),
    joinMs: rounded(median(joins)),
    joinMsMax: rounded(Math.max(...joins)),
    signalsMs: rounded(median(signals)),
    yardstickMs: rounded(yardstick(planner.world)),
    fullParts,
    joinParts: partsOf(planner.parts),
  };
}

const partsOf = (parts: ReadonlyMap<string, number>) =>
  Object.fromEntries([...parts].map(([name, ms]) => [name, rounded(ms)]));

/** How long this machine takes to write the same World as JSON: what other times are compared with. */
function yardstick({ nodes, statefulSets, pods }: World): number {
  const times = Array.from({ length: 3 }, () => {
    return timed(() => JSON.stringify([[...nodes], [...statefulSets], [...pods]]).length).ms;
  });
  return median(times);
}
