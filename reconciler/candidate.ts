/**
 * One validator at a time: what its pods lack, and what of its own forbids a restart now. Pure.
 */
import type { Discovery, Group } from '../peers/discover.ts';
import { podsOf } from '../peers/pods.ts';
import { type Reason, type ReasonCode, reason } from '../peers/reasons.ts';
import { type PublishedView, publishedView } from '../peers/views.ts';
import type { PodFacts, StatefulSetFacts, Validator, World } from '../peers/world.ts';
import type { AtRest } from './at-rest.ts';
import { allReady, isUnsettled, UNCOUNTED } from './availability.ts';
import { type DriftKind, type DriftSettings, judgePod, type Liveness, type Verdict } from './drift.ts';
import type { RestartKind } from './journal.ts';
import { strategyOf } from './strategy.ts';

export interface CandidateSettings extends DriftSettings {
  readonly ownNamespace: string;
  readonly deleteMinAgeMs: number;
}

export interface CandidateInput {
  readonly world: World;
  readonly discovery: Discovery;
  readonly group: Group;
  readonly liveness: Liveness;
  readonly settings: CandidateSettings;
  /** Wall-clock ms since the epoch. */
  readonly nowMs: number;
  /** Who need not be looked at; undefined where everybody is. */
  readonly atRest?: AtRest | undefined;
}

/** A validator whose pods drifted: how it would be restarted, and why not, if not. */
export interface Candidate {
  readonly validator: Validator;
  readonly statefulSet: StatefulSetFacts;
  readonly drift: DriftKind;
  readonly kind: RestartKind;
  /** The pods to be replaced. */
  readonly pods: readonly PodFacts[];
  readonly hold: Reason | undefined;
  /** In how many ms the hold ends by itself, where that is known. */
  readonly releasedInMs?: number;
}

/** What became of looking at one validator: nothing to do, held without drift, or a candidate. */
export type Finding =
  | { readonly kind: 'fine' }
  | { readonly kind: 'held'; readonly reason: Reason }
  | { readonly kind: 'candidate'; readonly candidate: Candidate };

const SEVERITY: readonly DriftKind[] = ['isolated', 'notInjected', 'short'];

/** Looks at one validator. Only validators with pods can have drifted. */
export function examine(validator: Validator, input: CandidateInput): Finding {
  const statefulSet = input.discovery.statefulSetOf.get(validator.key);
  if (!statefulSet) return withoutStatefulSet(validator, input.world);
  const pods = podsOf(input.world, statefulSet).filter((pod) => !pod.deleting);
  if (areCurrent(pods, publishedOf(validator, input.world))) {
    input.atRest?.add(validator);
    return FINE;
  }
  const judged = pods.map((pod) => ({ pod, verdict: judge(validator, statefulSet, pod, input) }));
  const drifted = judged.flatMap(({ pod, verdict }) =>
    verdict.kind === 'drift' ? [{ pod, drift: verdict.drift }] : [],
  );
  if (drifted.length === 0) {
    const held = judged.map(({ verdict }) => verdict).find((verdict) => verdict.kind === 'held');
    return held ?? FINE;
  }
  drifted.sort((a, b) => SEVERITY.indexOf(a.drift) - SEVERITY.indexOf(b.drift));
  return { kind: 'candidate', candidate: candidateOf({ validator, statefulSet, drifted }, input) };
}

function withoutStatefulSet(validator: Validator, world: World): Finding {
  if (world.statefulSets.has(validator.key)) return { kind: 'held', reason: reason('NotOwned') };
  return FINE;
}

const FINE: Finding = { kind: 'fine' };

/** True where all pods started with what is published, as nearly all have: there is nothing to judge then. */
const areCurrent = (pods: readonly PodFacts[], published: PublishedView | undefined): boolean =>
  published !== undefined && pods.every((pod) => pod.injected && pod.peerHash === published.hash);

function judge(
  validator: Validator,
  statefulSet: StatefulSetFacts,
  pod: PodFacts,
  { world, group, liveness, settings }: CandidateInput,
): Verdict {
  const published = publishedOf(validator, world);
  return judgePod({ world, validator, statefulSet, pod, group, published, liveness, settings });
}

const publishedOf = (validator: Validator, world: World): PublishedView | undefined =>
  publishedView(world.configMaps.get(validator.namespace), validator.name);

interface DriftedPod {
  readonly pod: PodFacts;
  readonly drift: DriftKind;
}

interface Drifted {
  readonly validator: Validator;
  readonly statefulSet: StatefulSetFacts;
  /** What lacks most first. */
  readonly drifted: readonly DriftedPod[];
}

/**
 * A StatefulSet whose pods are all Ready is restarted by its template; otherwise a bump would do nothing until
 * its pods turn Ready, and then act unasked, so pods that are not Ready are deleted one by one.
 */
function candidateOf(found: Drifted, input: CandidateInput): Candidate {
  const { validator, statefulSet, drifted } = found;
  const bump = allReady(input.world, statefulSet);
  // Each pod is judged by what it lacks itself: its neighbour's lack is no reason to delete one that catches up.
  const down = drifted.filter(({ pod }) => !pod.ready);
  const replaceable = down.find((each) => mayBeDeleted(each, validator));
  const pods = bump ? podsOf(input.world, statefulSet) : replaceable ? [replaceable.pod] : [];
  const drift = (bump ? drifted[0] : (replaceable ?? down[0] ?? drifted[0]))?.drift ?? 'short';
  const base = { validator, statefulSet, drift, kind: bump ? 'bump' : 'delete', pods } as const;
  const hold =
    strategyHold(validator, input) ??
    budgetHold(validator) ??
    statefulSetHold(validator, statefulSet) ??
    publishedHold(validator, input.world) ??
    (bump ? bumpHold(pods) : deleteHold(replaceable, down.length > 0, input));
  if (hold?.code !== 'TooYoung') return { ...base, hold };
  const ageMs = input.nowMs - (pods[0]?.createdAtMs ?? 0);
  return { ...base, hold, releasedInMs: Math.max(0, input.settings.deleteMinAgeMs - ageMs) };
}

const STRATEGY_HOLDS = { Signal: 'SignalledInstead', OnRestart: 'OnRestart' } as const;

function strategyHold(validator: Validator, { world, settings }: CandidateInput): Reason | undefined {
  const verdict = strategyOf(validator, world, settings.ownNamespace);
  if (verdict.kind === 'hold') return verdict.reason;
  return verdict.strategy === 'RollingUpdate' ? undefined : reason(STRATEGY_HOLDS[verdict.strategy]);
}

const budgetHold = ({ budget }: Validator): Reason | undefined =>
  budget === undefined || budget === UNCOUNTED ? undefined : reason('UnknownBudget', budget.slice(0, 40));

function statefulSetHold(validator: Validator, statefulSet: StatefulSetFacts): Reason | undefined {
  const holds: ReadonlyArray<readonly [boolean, ReasonCode]> = [
    [validator.maintenance, 'Maintenance'],
    [statefulSet.strategy !== 'RollingUpdate', 'OnDelete'],
    [statefulSet.partition > 0, 'Partitioned'],
    [isUnsettled(statefulSet), 'Unsettled'],
  ];
  const found = holds.find(([applies]) => applies);
  return found && reason(found[1]);
}

const publishedHold = (validator: Validator, world: World): Reason | undefined =>
  publishedOf(validator, world) ? undefined : reason('NotPublished');

const bumpHold = (pods: readonly PodFacts[]): Reason | undefined =>
  pods.every((pod) => pod.hasReadinessProbe) ? undefined : reason('ReadinessUnknown');

/** A pod that is not Ready may be hours into a catch-up: only what cannot get well by itself is replaced. */
const mayBeDeleted = ({ drift }: DriftedPod, { network }: Validator): boolean =>
  drift === 'notInjected' || (drift === 'isolated' && !network.isPublic);

function deleteHold(
  found: DriftedPod | undefined,
  anyDown: boolean,
  { nowMs, settings }: CandidateInput,
): Reason | undefined {
  if (!found) return reason(anyDown ? 'CatchingUp' : 'NotAllReady');
  return nowMs - found.pod.createdAtMs < settings.deleteMinAgeMs ? reason('TooYoung') : undefined;
}
