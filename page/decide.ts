/**
 * Works out what the status page shows from a replica's caches. Every replica can: where the leader would decide,
 * the same pure modules are asked. Owns what is remembered while somebody watches, so that a look at a large network
 * costs what changed in it; it is made anew for each time that somebody watches.
 */
import { AtRest } from '../reconciler/at-rest.ts';
import { connectionsIn } from '../reconciler/overview.ts';
import { PublishPlanner } from '../reconciler/publish.ts';
import { reasonsNow, withoutMemory } from '../reconciler/reasons-now.ts';
import { planRollout, type RolloutSettings } from '../reconciler/rollout.ts';
import type { Caches } from '../runtime/caches.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Directory } from '../runtime/directory.ts';
import { inSlices } from '../runtime/slices.ts';
import { type Snapshot, takeSnapshot } from './snapshot.ts';

export interface DecideOptions {
  readonly caches: Pick<Caches, 'world' | 'onChange'>;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly settings: RolloutSettings;
}

/** One that watches, from now until `stop`. */
export interface Decider {
  /** The snapshot as of now. */
  take(): Promise<Snapshot>;
  stop(): void;
}

/** Begins to watch; `onChange` is called after each change that may show. */
export function startDecider(options: DecideOptions, onChange: () => void): Decider {
  const { caches, clock, directory, settings } = options;
  const planner = new PublishPlanner();
  const atRest = new AtRest();
  const stop = caches.onChange((kind, key) => {
    atRest.touch(kind, key);
    onChange();
  });
  const take = async (): Promise<Snapshot> => {
    const { world } = caches;
    const { ownNamespace } = settings;
    const published = await inSlices(
      clock,
      planner.steps(() => ({
        ...{ world, ownNamespace, nowMs: clock.nowMs() },
        discovery: directory.discovery(),
        views: directory.views(),
        connections: connectionsIn(world.configMaps.get(ownNamespace)),
      })),
    );
    const discovery = directory.discovery();
    const input = withoutMemory({ world, discovery, nowMs: clock.nowMs() }, settings);
    const reasons = reasonsNow({ world, discovery }, published, planRollout({ ...input, atRest }));
    const connections = connectionsIn(world.configMaps.get(ownNamespace));
    return takeSnapshot({ world, discovery, reasons, connections, ownNamespace });
  };
  return { take, stop };
}
