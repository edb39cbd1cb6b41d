/**
 * The reconciler's decisions alone, over a synthetic World: everything, and after one change.
 */
import { type Discovery, discover } from '../../peers/discover.ts';
import { digestOf, formatDigests, viewHash } from '../../peers/hash.ts';
import { readConfigMap } from '../../peers/read-cluster.ts';
import { readNode } from '../../peers/read-node.ts';
import { readPod, readStatefulSet } from '../../peers/read-workload.ts';
import { allSteps } from '../../peers/steps.ts';
import { ViewBook } from '../../peers/view-book.ts';
import { keyOf, type World } from '../../peers/world.ts';
import { AtRest } from '../../reconciler/at-rest.ts';
import { LivenessMemory } from '../../reconciler/liveness.ts';
import type { ConfigMapWrite } from '../../reconciler/namespace-content.ts';
import { PublishPlanner } from '../../reconciler/publish.ts';
import { mergeRemarks } from '../../reconciler/remarks.ts';
import { planRollout } from '../../reconciler/rollout.ts';
import { planServices } from '../../reconciler/services.ts';
import { signalSteps } from '../../reconciler/signal-targets.ts';
import { NOW_MS, SETTINGS } from '../unit/reconciler/group.ts';
import { LargeCluster, type Place, placeOf, type StampOf } from './large-cluster.ts';

const MAX_PEERS = 24;
const DISCOVERY = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;
const QUIET = { quietMs: 3_600_000, changingMs: 0 };

type Mutable<M> = M extends ReadonlyMap<infer K, infer V> ? Map<K, V> : never;
const mutable = <M>(map: M): Mutable<M> => map as Mutable<M>;

/** What the leader keeps between two passes, without its edges. */
export class Planner {
  readonly world: World;
  readonly #views = new ViewBook(MAX_PEERS);
  readonly #publish = new PublishPlanner();
  readonly #liveness = new LivenessMemory(0);
  readonly #atRest = new AtRest();
  #discovery: Discovery | undefined;
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
  plan(): { writes: readonly ConfigMapWrite[]; restarts: number; holds: number } {
    const { world } = this;
    const discovery = this.#part('discovery', () => discover(world, DISCOVERY, this.#discovery));
    this.#discovery = discovery;
    this.#part('views', () => this.#views.follow(discovery));
    this.#part('liveness', () => this.#liveness.observe(world, discovery, 0));
    const input = { world, discovery, views: this.#views, ownNamespace: 'stellar-peers', nowMs: NOW_MS };
    const { configMaps } = this.#part('publish', () => allSteps(this.#publish.steps(() => input)));
    this.#part('services', () => planServices(world, discovery));
    const plans = this.#part('rollout', () =>
      planRollout({
        world,
        discovery,
        liveness: this.#liveness.at(0),
        settings: SETTINGS,
        nowMs: NOW_MS,
        quiet: () => QUIET,
        atRest: this.#atRest,
      }),
    );
    this.#part('remarks', () => mergeRemarks(world, discovery));
    const all = [...plans.values()];
    return {
      writes: configMaps,
      restarts: all.filter(({ restart }) => restart).length,
      holds: all.reduce((sum, { holds }) => sum + holds.size, 0),
    };
  }

  /** Whom a signal may go to, were every port open. */
  signals(): number {
    const { world } = this;
    const discovery = discover(world, DISCOVERY, this.#discovery);
    const listingOf = this.#views.listingOf.bind(this.#views);
    const settings = { ownNamespace: 'stellar-peers' };
    return allSteps(signalSteps({ world, discovery, listingOf, settings, mayListen: () => true })).targets
      .length;
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
      this.#atRest.touch('ConfigMap', namespace);
    }
  }

  join(cluster: LargeCluster, place: Place): void {
    const key = keyOf(place.namespace, place.name);
    mutable(this.world.nodes).set(key, readNode(cluster.node(place)));
    mutable(this.world.statefulSets).set(key, readStatefulSet(cluster.statefulSet(place)));
    this.#atRest.touch('StatefulSet', key);
  }

  setPod(cluster: LargeCluster, place: Place, ready: boolean): void {
    const key = keyOf(place.namespace, `${place.name}-0`);
    mutable(this.world.pods).set(key, readPod(cluster.pod(place, ready)));
    this.#atRest.touch('Pod', key);
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
  const views = new ViewBook(MAX_PEERS);
  views.follow(discovery);
  const stamps = new Map<string, Record<string, string>>();
  for (const group of discovery.groups.values()) {
    for (const validator of group.validators) {
      const view = views.listingOf(validator)?.view ?? [];
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

/** Digests that were worked out while the cluster was made must not make the first plan cheaper. */
function forgetDigests(): void {
  for (let index = 0; index < 40_000; index += 1) digestOf(`nobody-${index}`);
}

/** Time of the processor since `before`, in ms. */
function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** Time of the processor, in ms, and heap that `work` took. Others share the machine, so no clock on the wall. */
function timed<T>(work: () => T): { ms: number; mib: number; result: T } {
  const heapBefore = process.memoryUsage().heapUsed;
  const before = process.threadCpuUsage();
  const result = work();
  const ms = cpuMs(before);
  const mib = (process.memoryUsage().heapUsed - heapBefore) / 1024 / 1024;
  return { ms, mib, result };
}

const REPEATS = 15;

/** Times of one size, in ms. */
export function measurePlanner(size: number) {
  const cluster = new LargeCluster(size);
  cluster.stampOf = stampsOf(cluster);
  // Code that has never run is slow whatever the size: a small cluster of others warms it.
  const warmth = new LargeCluster(60, 'warm');
  for (let index = 0; index < 20; index += 1) new Planner(warmth.world()).plan();
  forgetDigests();
  const planner = new Planner(cluster.world());
  globalThis.gc?.();
  const full = timed(() => planner.plan());
  const fullParts = new Map(planner.parts);
  const files = timed(() => full.result.writes.forEach(({ data }) => void data));
  planner.write(full.result.writes);
  planner.plan();
  const rest = Array.from({ length: REPEATS }, () => timed(() => planner.plan()));
  const restParts = new Map(planner.parts);
  const joins = Array.from({ length: REPEATS }, (_, index) => {
    planner.join(cluster, {
      ...placeOf('z', index * 97),
      namespace: placeOf('a', (index * 97) % size).namespace,
    });
    const join = timed(() => planner.plan());
    const parts = new Map(planner.parts);
    planner.write(join.result.writes);
    const echo = timed(() => planner.plan()).ms;
    return { ...join, echo, parts };
  });
  const changes = Array.from({ length: REPEATS }, (_, index) => {
    planner.setPod(cluster, placeOf('a', (index * 7) % size), index % 2 === 1);
    const change = timed(() => planner.plan());
    planner.write(change.result.writes);
    return change;
  });
  const signals = Array.from({ length: 3 }, () => timed(() => planner.signals()).ms);
  const anew = new Planner(planner.world);
  globalThis.gc?.();
  const again = timed(() => anew.plan());
  const yard = yardstick(planner.world);
  const byTime = [...joins].sort((a, b) => a.ms - b.ms)[Math.floor(REPEATS / 2)];
  return {
    validators: size,
    fullMs: rounded(full.ms),
    fullMib: rounded(full.mib),
    filesMs: rounded(files.ms),
    anewMs: rounded(again.ms),
    restMs: rounded(median(rest.map(({ ms }) => ms))),
    joinMs: rounded(median(joins.map(({ ms }) => ms))),
    joinMsMax: rounded(Math.max(...joins.map(({ ms }) => ms))),
    echoMs: rounded(median(joins.map(({ echo }) => echo))),
    joinMib: rounded(median(joins.map(({ mib }) => mib))),
    podMs: rounded(median(changes.map(({ ms }) => ms))),
    podMsMax: rounded(Math.max(...changes.map(({ ms }) => ms))),
    signalsMs: rounded(median(signals)),
    yardstickMs: rounded(yard),
    fullParts: partsOf(fullParts),
    restParts: partsOf(restParts),
    joinParts: partsOf(byTime?.parts ?? new Map()),
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
