/** Examines one validator: what its pods lack, and which of its own properties forbid a restart now. Pure. */
import type { Moment } from '../../../peers/discovery/discover.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import { ANNOTATION_BUDGET } from '../../../peers/names.ts';
import { isWaiting, mendOf, type Reason, reason, reasonWith } from '../../../peers/reasons/reasons.ts';
import { type PublishedView, publishedFor } from '../../../peers/views/views.ts';
import type { PodFacts, StatefulSetFacts, Validator, World } from '../../../peers/world.ts';
import type { RestartKind } from '../journal/journal.ts';
import { allReady, isUnobserved, isUnsettled, UNCOUNTED } from './availability.ts';
import {
  BY_LACK,
  type DriftKind,
  type DriftSettings,
  type DriftVerdict,
  evaluatePod,
  type GroupFacts,
} from './drift.ts';
import { updateStrategyOf } from './update-strategy.ts';

export interface CandidateSettings extends DriftSettings {
  readonly deleteMinAgeMs: number;
}

export interface CandidateInput extends GroupFacts, Moment {
  readonly settings: CandidateSettings;
  /** For how long the leader has seen a pod not Ready without a break, in ms. */
  readonly downForMs: (pod: PodFacts) => number;
}

/** A validator with drifted pods: how to restart it, and the reason that forbids a restart, if any. */
export interface Candidate {
  readonly validator: Validator;
  readonly statefulSet: StatefulSetFacts;
  readonly drift: DriftKind;
  readonly kind: RestartKind;
  readonly pods: readonly PodFacts[];
  readonly hold: Reason | undefined;
  /** The wait, in ms, until the hold ends by itself, if that is known. */
  readonly releasedInMs?: number;
}

/** The result for one validator: nothing to do, held without drift, or a candidate. */
export type CandidateFinding =
  | { readonly kind: 'fine' }
  | { readonly kind: 'held'; readonly reason: Reason; readonly releasedInMs?: number }
  | { readonly kind: 'candidate'; readonly candidate: Candidate };

/** Examines one validator. Only a validator with pods can have drifted. */
export function examine(validator: Validator, input: CandidateInput): CandidateFinding {
  const statefulSet = input.discovery.statefulSetOf.get(validator.key);
  if (!statefulSet)
    return input.world.statefulSets.has(validator.key) ? { kind: 'held', reason: reason('NotOwned') } : FINE;
  const pods = podsOf(input.world, statefulSet).filter((pod) => !pod.deleting);
  const published = publishedFor(validator, input.world);
  if (areCurrent(pods, published)) return FINE;
  const facts = { ...input, validator, statefulSet, published };
  const judged = pods.map((pod) => ({ pod, verdict: evaluatePod({ ...facts, pod }) }));
  const drifted = judged.flatMap(({ pod, verdict }) =>
    verdict.kind === 'drift' ? [{ pod, drift: verdict.drift }] : [],
  );
  if (drifted.length === 0) {
    return firstHeld(judged.map(({ verdict }) => verdict)) ?? FINE;
  }
  drifted.sort((a, b) => BY_LACK.indexOf(a.drift) - BY_LACK.indexOf(b.drift));
  return { kind: 'candidate', candidate: candidateOf({ validator, statefulSet, drifted }, input) };
}

/** What still waits comes before what was told. */
function firstHeld(verdicts: readonly DriftVerdict[]): CandidateFinding | undefined {
  const held = verdicts.filter((verdict) => verdict.kind === 'held');
  return held.find((verdict) => isWaiting(verdict.reason)) ?? held[0];
}

const FINE: CandidateFinding = { kind: 'fine' };

/** True if all pods started with the published list, as nearly all have. Then there is nothing to check. */
const areCurrent = (pods: readonly PodFacts[], published: PublishedView | undefined): boolean =>
  published !== undefined && pods.every((pod) => pod.injected && pod.peerHash === published.hash);

interface DriftedPod {
  readonly pod: PodFacts;
  readonly drift: DriftKind;
}

interface Drifted {
  readonly validator: Validator;
  readonly statefulSet: StatefulSetFacts;
  /** The pods that lack most come first. */
  readonly drifted: readonly DriftedPod[];
}

/**
 * If all pods of a StatefulSet are Ready, its template is changed. Otherwise such a change would do nothing until the
 * pods become Ready, and would then act without a new check. So pods that are not Ready are deleted one by one.
 */
function candidateOf(found: Drifted, input: CandidateInput): Candidate {
  const { validator, statefulSet, drifted } = found;
  const bump = allReady(input.world, statefulSet);
  // A pod that lacks nothing itself is left alone: it may be catching up, whatever its neighbour lacks.
  const down = drifted.filter(({ pod }) => !pod.ready);
  const replaceable = firstToDelete(down, validator, input);
  const pods = bump ? podsOf(input.world, statefulSet) : replaceable ? [replaceable.pod] : [];
  const drift = (bump ? drifted[0] : (replaceable ?? down[0] ?? drifted[0]))?.drift ?? 'short';
  const base = { validator, statefulSet, drift, kind: bump ? 'bump' : 'delete', pods } as const;
  const hold =
    strategyHold(validator, input) ??
    budgetHold(validator) ??
    statefulSetHold(validator, statefulSet) ??
    unsettledHold(input.world, statefulSet, replaceable) ??
    publishedHold(validator, input.world) ??
    (bump ? bumpHold(pods) : deleteHold(replaceable, down, input));
  if (hold?.code !== 'TooYoung' || !replaceable) return { ...base, hold };
  return { ...base, hold, releasedInMs: deleteInMs(replaceable, input) };
}

const STRATEGY_HOLDS = { Signal: 'SignalledInstead', OnRestart: 'OnRestart' } as const;

function strategyHold(validator: Validator, { world, settings }: CandidateInput): Reason | undefined {
  const verdict = updateStrategyOf(validator, world, settings.ownNamespace);
  if (verdict.kind === 'hold') return verdict.reason;
  return verdict.strategy === 'RollingUpdate' ? undefined : reason(STRATEGY_HOLDS[verdict.strategy]);
}

function budgetHold({ budget, key }: Validator): Reason | undefined {
  if (budget === undefined || budget === UNCOUNTED) return undefined;
  return reasonWith('UnknownBudget', budget.slice(0, 40), mendOf(`StellarNode ${key}`, ANNOTATION_BUDGET));
}

function statefulSetHold(
  validator: Validator,
  { strategy, partition, maxUnavailable, replicas }: StatefulSetFacts,
): Reason | undefined {
  if (validator.maintenance) return reason('Maintenance');
  if (strategy === 'OnDelete') return reason('OnDelete');
  if (strategy !== 'RollingUpdate') return reason('OtherUpdateStrategy', strategy.slice(0, 40));
  // Neither a budget nor a quorum set would be asked for the second pod.
  if (Math.min(maxUnavailable, replicas) > 1)
    return reason('OtherUpdateStrategy', `maxUnavailable ${maxUnavailable}`);
  return partition > 0 ? reason('Partitioned') : undefined;
}

/** A roll waits for a pod that is down. One that may be deleted waits only until the last change was seen. */
function unsettledHold(
  world: World,
  statefulSet: StatefulSetFacts,
  replaceable: DriftedPod | undefined,
): Reason | undefined {
  const isHeld = replaceable ? isUnobserved(statefulSet) : isUnsettled(world, statefulSet);
  return isHeld ? reason('Unsettled') : undefined;
}

const publishedHold = (validator: Validator, world: World): Reason | undefined =>
  publishedFor(validator, world) ? undefined : reason('NotPublished');

/** The longest stellar.org/peer-restart that our policies allow, in characters (manifests/base/policies.yaml). */
const TOKEN_LENGTH_MAX = 1_024;

function bumpHold(pods: readonly PodFacts[]): Reason | undefined {
  if (!pods.every((pod) => pod.hasReadinessProbe)) return reason('ReadinessUnknown');
  // To take a bump back, the template gets the token of the pods.
  const lengths = pods.map(({ restartToken }) => restartToken?.length ?? 0);
  const tooLong = lengths.find((length) => length > TOKEN_LENGTH_MAX);
  return tooLong === undefined ? undefined : reason('TokenTooLong', `${tooLong} characters`);
}

/**
 * A pod that is not Ready may be hours into a catch-up: delete only one that cannot become Ready by itself. If its
 * stellar-core is Ready, it may be in use, and a deletion asks for no budget: another container may be down, or the
 * kubelet may not reach the API server.
 */
const mayBeDeleted = ({ drift, pod }: DriftedPod, { network }: Validator): boolean =>
  !pod.coreReady && (drift === 'notInjected' || (drift === 'isolated' && !network.isPublic));

function deleteHold(
  found: DriftedPod | undefined,
  down: readonly DriftedPod[],
  input: CandidateInput,
): Reason | undefined {
  if (!found) return reason(down.some(({ pod }) => !pod.coreReady) ? 'CatchingUp' : 'NotAllReady');
  return deleteInMs(found, input) > 0 ? reason('TooYoung') : undefined;
}

/** The wait before a pod may be deleted. Its age is not enough, since the readiness probe of an old one may fail once. */
const deleteInMs = ({ pod }: DriftedPod, { nowMs, settings, downForMs }: CandidateInput): number =>
  settings.deleteMinAgeMs - Math.min(nowMs - pod.createdAtMs, downForMs(pod));

/** The pod that may be deleted soonest: one that flaps must not delay the deletion of another. */
function firstToDelete(down: readonly DriftedPod[], validator: Validator, input: CandidateInput) {
  const waitMs = (each: DriftedPod) => Math.max(0, deleteInMs(each, input));
  const [first] = down.filter((each) => mayBeDeleted(each, validator)).sort((a, b) => waitMs(a) - waitMs(b));
  return first;
}
