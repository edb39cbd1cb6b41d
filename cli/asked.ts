/**
 * What a command is asked about: everything that is read of the cluster, once, and decided on as the leader would.
 */
import { type Discovery, discover } from '../peers/discover.ts';
import type { World } from '../peers/world.ts';
import { withoutMemory } from '../reconciler/reasons-now.ts';
import type { RolloutInput } from '../reconciler/rollout.ts';
import { readLive } from '../runtime/live.ts';
import { listed, type Settings } from '../settings.ts';
import { discoverySettings, rolloutSettings } from '../wiring.ts';
import type { Session } from './session.ts';

export interface Asked {
  readonly world: World;
  readonly discovery: Discovery;
  readonly settings: Settings;
  /** Ms since the epoch by the API server's clock. */
  readonly nowMs: number;
}

/** The cluster as it is now. Rejects with KubeError where it cannot be read. */
export async function askCluster({ kube, settings, nowMs }: Session): Promise<Asked> {
  const scope = { ownNamespace: settings.namespace, watchNamespaces: listed(settings.watchNamespaces) };
  const { world } = await readLive(kube, scope);
  return askedOf(world, settings, nowMs());
}

/** The same for a World that was read. Pure. */
export const askedOf = (world: World, settings: Settings, nowMs: number): Asked => ({
  world,
  discovery: discover(world, discoverySettings(settings)),
  settings,
  nowMs,
});

/** What the leader would decide on now, if it had watched for long. */
export const rolloutInput = (asked: Asked): RolloutInput =>
  withoutMemory(asked, rolloutSettings(asked.settings));
