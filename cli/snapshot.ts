/** A snapshot of the cluster for a command: the World, read once, and the discovery and settings for decisions. */
import { discoverySettings, listed, rolloutSettings, type Settings } from '../app/settings.ts';
import { type Discovery, discover } from '../peers/discovery/discover.ts';
import type { World } from '../peers/world.ts';
import type { RolloutInput } from '../reconciler/plan/restarts/rollout.ts';
import { withoutMemory } from '../reconciler/plan/status/current-reasons.ts';
import { readWorldLive } from '../runtime/kube/live-read.ts';
import type { Session } from './session.ts';

export interface ClusterSnapshot {
  readonly world: World;
  readonly discovery: Discovery;
  readonly settings: Settings;
  /** Ms since the epoch by the API server's clock. */
  readonly nowMs: number;
}

/** The cluster as it is now. Rejects with KubeError where it cannot be read. */
export async function readCluster({
  kube,
  settings,
  nowMs,
}: Pick<Session, 'kube' | 'settings' | 'nowMs'>): Promise<ClusterSnapshot> {
  const scope = { ownNamespace: settings.namespace, watchNamespaces: listed(settings.watchNamespaces) };
  const { world } = await readWorldLive(kube, scope);
  return evaluateWorld(world, settings, nowMs());
}

/** Makes the snapshot of a World. Pure. */
export const evaluateWorld = (world: World, settings: Settings, nowMs: number): ClusterSnapshot => ({
  world,
  discovery: discover(world, discoverySettings(settings)),
  settings,
  nowMs,
});

/** The input of the restart planner, as for a leader that has watched the cluster for a long time. */
export const rolloutInput = (snapshot: ClusterSnapshot): RolloutInput =>
  withoutMemory(snapshot, rolloutSettings(snapshot.settings));
