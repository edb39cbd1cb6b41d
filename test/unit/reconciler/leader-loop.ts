/** The shipped loop of a leader, over the API server in memory of a stage. */
import { Publisher } from '../../../reconciler/apply/publisher.ts';
import { SaltKeeper } from '../../../reconciler/apply/salt-keeper.ts';
import type { RolloutSettings } from '../../../reconciler/plan/restarts/rollout.ts';
import { PlanningMemory } from '../../../reconciler/planning-memory.ts';
import { Reconciler } from '../../../reconciler/reconciler.ts';
import { Reporter } from '../../../reconciler/report/reporter.ts';
import { Caches } from '../../../runtime/kube/caches.ts';
import { MembershipCache } from '../../../runtime/kube/membership.ts';
import { Notifier } from '../../../runtime/notifier.ts';
import { Wake } from '../../../runtime/wake.ts';
import { DISCOVERY, SETTINGS } from './group.ts';
import type { Restarting } from './restarting.ts';

export const OWN = 'stellar-peers';

/** Starts the caches and the loop; `running` resolves after `stop` has aborted. */
export function leaderOf(stage: Restarting, stop: AbortSignal, given: Partial<RolloutSettings> = {}) {
  const { kube, clock, log, metrics } = stage;
  const scope = { ownNamespace: OWN, watchNamespaces: [] };
  const caches = new Caches({ kube, clock, log, scope, outage: new Notifier() });
  const found = { ...DISCOVERY, maxPeers: 24, stabilizationMs: 30_000 };
  const memberships = new MembershipCache({ caches, clock, settings: found, leaderAlive: () => true });
  const wake = new Wake(clock);
  const queue = stage.lane(() => wake.notify());
  const { journal, setbacks } = stage;
  const settings = { ...SETTINGS, ...given };
  const memory = new PlanningMemory({ clock, caches, memberships, settings, journal, setbacks });
  stage.memory = memory;
  const publisher = new Publisher({ kube, clock, log, ownNamespace: OWN });
  const reconciler = new Reconciler({
    ...{ clock, log, metrics, caches, memberships, publisher, wake, memory, queue },
    reporter: new Reporter({ kube, clock, log, metrics, instance: 'replica-1' }),
    salt: new SaltKeeper({ journal, clock, log, maxPeers: 24 }),
    settings: { ...settings, maxPeers: 24, resyncMs: 60_000 },
    signaller: undefined,
    rightDomain: () => undefined,
    onClockCorrection: () => () => undefined,
  });
  void caches.run(stop);
  return { caches, publisher, running: reconciler.run(stop) };
}
