/**
 * What a command is asked about: the cluster of the user's kubeconfig, read once, and decided on as the leader would.
 */
import { type Discovery, discover } from '../peers/discover.ts';
import type { World } from '../peers/world.ts';
import { withoutMemory } from '../reconciler/reasons-now.ts';
import type { RolloutInput } from '../reconciler/rollout.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Kube } from '../runtime/kube.ts';
import { createKube, loadKubeConfig } from '../runtime/kube-client.ts';
import { readLive } from '../runtime/live.ts';
import { ServerTime } from '../runtime/server-time.ts';
import { listed, type Settings } from '../settings.ts';
import { discoverySettings, rolloutSettings } from '../wiring.ts';

const TIMEOUT_MS = 15_000;

/** Which cluster, where it is not the current context of the usual kubeconfig. */
export interface Target {
  readonly path?: string;
  readonly context?: string;
}

export interface Asked {
  readonly kube: Kube;
  readonly world: World;
  readonly discovery: Discovery;
  readonly nowMs: number;
}

/** The cluster as it is now. Rejects with KubeError where it cannot be read. */
export async function askCluster(settings: Settings, target: Target): Promise<Asked> {
  const serverTime = new ServerTime(systemClock);
  const kube = createKube(loadKubeConfig(target), {
    timeoutMs: TIMEOUT_MS,
    userAgent: 'stellar-peers-cli',
    onDate: (dateMs) => serverTime.note(dateMs),
  });
  const scope = { ownNamespace: settings.namespace, watchNamespaces: listed(settings.watchNamespaces) };
  const { world } = await readLive(kube, scope);
  return {
    kube,
    world,
    discovery: discover(world, discoverySettings(settings)),
    nowMs: serverTime.clock.nowMs(),
  };
}

/** What the leader would decide on now, if it had watched for long. */
export const rolloutInput = (moment: Omit<Asked, 'kube'>, settings: Settings): RolloutInput =>
  withoutMemory(moment, rolloutSettings(settings));
