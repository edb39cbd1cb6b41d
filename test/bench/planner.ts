/** The decisions of a pass over a synthetic World, without anything remembered from earlier passes. */
import { discover } from '../../peers/discovery/discover.ts';
import { formatDigests, viewHash } from '../../peers/hash.ts';
import { ViewBook } from '../../peers/views/view-book.ts';
import { keyOf, type World } from '../../peers/world.ts';
import { planPublish } from '../../reconciler/plan/publish/publish.ts';
import { planServices } from '../../reconciler/plan/publish/services.ts';
import { LivenessMemory } from '../../reconciler/plan/restarts/liveness.ts';
import { planRollout } from '../../reconciler/plan/restarts/rollout.ts';
import { NO_SETBACKS } from '../../reconciler/plan/restarts/setbacks.ts';
import { mergeAdvisories } from '../../reconciler/plan/status/advisories.ts';
import { NOW_MS, SETTINGS } from '../unit/reconciler/group.ts';
import { LargeCluster, type StampOf } from './large-cluster.ts';
import { rounded } from './result.ts';
import { median } from './rounds.ts';

const MAX_PEERS = 24;
const DISCOVERY = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;
const QUIET = { quietMs: 3_600_000, changingMs: 0 };
const REPEATS = 5;

/** Decides everything, as a pass of a new leader does. */
function plan(world: World): void {
  const discovery = discover(world, DISCOVERY);
  const liveness = new LivenessMemory(0);
  liveness.observe(world, discovery, 0);
  planPublish(world, discovery, { ownNamespace: 'stellar-peers', maxPeers: MAX_PEERS }, NOW_MS);
  planServices(world, discovery);
  planRollout({
    world,
    discovery,
    liveness: liveness.at(0),
    listedSinceMs: () => Number.POSITIVE_INFINITY,
    settings: SETTINGS,
    nowMs: NOW_MS,
    setbacks: NO_SETBACKS,
    quiet: () => QUIET,
    readyForMs: () => QUIET.quietMs,
    downForMs: () => QUIET.quietMs,
  });
  mergeAdvisories(world, discovery);
}

export type Stamps = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Looks up stamps that were computed before. */
export const stampOfAll =
  (stamps: Stamps): StampOf =>
  (namespace, name) =>
    stamps.get(keyOf(namespace, name)) ?? {};

/** Stamps of pods that started with the views that would be published now, by validator. */
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

/** The processor time of `work`, in ms. The machine is shared, so wall-clock time would not do. */
function timedMs(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

const medianMs = (work: () => unknown): number =>
  rounded(median(Array.from({ length: REPEATS }, () => timedMs(work))));

/** Times of one size, in ms; `yardstickMs` is how long this machine takes to write the same World as JSON. */
export function measurePlanner(size: number) {
  const cluster = new LargeCluster(size);
  cluster.stampOf = stampOfAll(allStampsOf(cluster));
  // Code that runs for the first time is slow, so plan a small cluster first.
  const warmth = new LargeCluster(60, 'warm').world();
  for (let index = 0; index < 20; index += 1) plan(warmth);
  const world = cluster.world();
  const { nodes, statefulSets, pods } = world;
  globalThis.gc?.();
  return {
    validators: size,
    fullMs: medianMs(() => plan(world)),
    yardstickMs: medianMs(() => JSON.stringify([[...nodes], [...statefulSets], [...pods]])),
  };
}
