/** What is known of one validator: for `status`, `explain` and the status page. Pure. */
import type { Moment } from '../../../peers/discovery/discover.ts';
import { digestsOfPod, podsOf } from '../../../peers/discovery/pods.ts';
import { isWaiting, type Reason, reason } from '../../../peers/reasons/reasons.ts';
import { type PublishedView, publishedFor } from '../../../peers/views/views.ts';
import type { PodFacts, Validator } from '../../../peers/world.ts';
import { type Connections, connectionsIn } from '../publish/overview.ts';
import type { PublishPlan } from '../publish/publish.ts';
import { type GroupPlan, planRollout, type RolloutSettings } from '../restarts/rollout.ts';
import { currentReasons, withoutMemory } from './current-reasons.ts';
import { isUp, type ReasonsByKey, withValidatorStates } from './validator-state.ts';

/** A cluster at one time, and what is decided on it. */
export interface Decided extends Moment {
  readonly plans: ReadonlyMap<string, GroupPlan>;
  /** What each validator is and why things are not done, by what it is about. */
  readonly reasons: ReasonsByKey;
  readonly connections: Connections;
}

/** What the leader would decide, if it had watched for long. */
export function decide(moment: Moment, published: PublishPlan, settings: RolloutSettings): Decided {
  const plans = planRollout(withoutMemory(moment, settings));
  const connections = connectionsIn(moment.world.configMaps.get(settings.ownNamespace));
  const reasons = withDue(plans, currentReasons(moment, published, plans));
  const connected = { ...moment, connections };
  return { ...connected, plans, reasons: withValidatorStates(connected, reasons) };
}

/** The reasons, also for those that may be restarted at once: the leader does so within moments. */
function withDue(plans: Decided['plans'], reasons: ReasonsByKey): ReasonsByKey {
  const all = new Map(reasons);
  for (const { restart } of plans.values()) {
    if (!restart) continue;
    const { key } = restart.validator;
    all.set(key, [reason('Queued', 'it is the next'), ...(all.get(key) ?? [])]);
  }
  return all;
}

interface PodStatus {
  readonly pod: PodFacts;
  /** Digests of the peers that it started with; undefined where it was not injected. */
  readonly started: readonly string[] | undefined;
  /** Undefined where its HTTP port is not open to us. */
  readonly connection: ReturnType<Connections['get']>;
}

export interface ValidatorStatus {
  readonly validator: Validator;
  readonly replicas: number;
  readonly ready: number;
  readonly pods: readonly PodStatus[];
  readonly published: PublishedView | undefined;
  readonly reasons: readonly Reason[];
  readonly isUp: boolean;
  /** True where something is still to come or to be done. */
  readonly isWaiting: boolean;
  /** True where it is older than the webhook and waits to be adopted. */
  readonly isUnadopted: boolean;
}

export function validatorStatus(validator: Validator, decided: Omit<Decided, 'plans'>): ValidatorStatus {
  const { world, discovery, connections } = decided;
  const { key } = validator;
  const statefulSet = discovery.statefulSetOf.get(key);
  const pods = podsOf(world, statefulSet);
  const reasons = decided.reasons.get(key) ?? [];
  return {
    validator,
    replicas: statefulSet?.replicas ?? validator.replicas,
    ready: pods.filter(({ ready, deleting }) => ready && !deleting).length,
    pods: pods.map((pod) => ({
      pod,
      started: pod.injected && pod.peers !== undefined ? (digestsOfPod(pod) ?? []) : undefined,
      connection: connections.get(pod.key),
    })),
    published: publishedFor(validator, world),
    reasons,
    isUp: isUp(validator, decided),
    isWaiting: reasons.some(isWaiting),
    isUnadopted: reasons.some(({ code }) => code === 'AwaitingAdoption'),
  };
}
