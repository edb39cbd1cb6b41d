/**
 * Which pod of a group may be restarted now, and for every other that lacks something, why not. Pure.
 *
 *   the journal has an open restart       → everybody waits (InFlight)
 *   a restart came back uninjected        → the group is stopped (NotInjected)
 *   a not-Ready pod that cannot get well  → deleted; it is down already, so the budget is not asked
 *   a Ready pod                           → only if all others are up, and have been for long enough
 */
import type { Group } from '../peers/discover.ts';
import { digestOf } from '../peers/hash.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import { publishedView } from '../peers/views.ts';
import { byText, type Key, type Validator } from '../peers/world.ts';
import { downBecause, forbiddingBudget, podsOf, readySinceMs } from './availability.ts';
import { type Candidate, type CandidateInput, type CandidateSettings, examine } from './candidate.ts';
import type { DriftKind } from './drift.ts';
import { type Entry, openEntries, type RestartKind, readJournal } from './journal.ts';

export interface RolloutSettings extends CandidateSettings {
  readonly maxUnavailable: number;
  readonly minReadyMs: number;
  readonly stabilizationMs: number;
}

export interface RolloutInput extends Omit<CandidateInput, 'group'> {
  readonly settings: RolloutSettings;
  /** For how long the membership of a group has been unchanged, in ms. */
  readonly quietMs: (group: string) => number;
}

/** One restart that may begin now. */
export interface Restart {
  readonly group: string;
  readonly validator: Validator;
  readonly statefulSet: Key;
  readonly kind: RestartKind;
  readonly drift: DriftKind;
  readonly pods: ReadonlyArray<{ readonly key: Key; readonly name: string; readonly uid: string }>;
  readonly token: string;
}

export interface GroupPlan {
  readonly restart: Restart | undefined;
  /** Why a validator that lacks something is not restarted, by StellarNode. */
  readonly holds: ReadonlyMap<Key, Reason>;
  /** In how many ms a hold may end by itself; undefined where only a change can end it. */
  readonly recheckInMs: number | undefined;
}

/** The plan of every group. */
export function planRollout(input: RolloutInput): Map<string, GroupPlan> {
  const plans = new Map<string, GroupPlan>();
  for (const group of input.discovery.groups.values()) plans.set(group.key, planGroup(group, input));
  return plans;
}

/** What may be restarted in one group now: at most one pod or StatefulSet. */
export function planGroup(group: Group, input: RolloutInput): GroupPlan {
  const holds = new Map<Key, Reason>();
  const candidates: Candidate[] = [];
  for (const validator of group.validators) {
    if (validator.suspended) continue;
    const finding = examine(validator, { ...input, group });
    if (finding.kind === 'held') holds.set(validator.key, finding.reason);
    if (finding.kind === 'candidate') candidates.push(finding.candidate);
  }
  if (candidates.length === 0) return { restart: undefined, holds, recheckInMs: undefined };
  return choose(group, candidates, holds, input);
}

const ORDER: readonly DriftKind[] = ['isolated', 'notInjected', 'short'];

/** Deletes first (down already), then whoever lacks most, then by name: the same on every replica. */
const byUrgency = (a: Candidate, b: Candidate): number =>
  Number(a.kind === 'bump') - Number(b.kind === 'bump') ||
  ORDER.indexOf(a.drift) - ORDER.indexOf(b.drift) ||
  byText(a.validator.key, b.validator.key);

function choose(
  group: Group,
  candidates: readonly Candidate[],
  holds: Map<Key, Reason>,
  input: RolloutInput,
): GroupPlan {
  const waits: Wait[] = [];
  const stop = groupHold(group, candidates, input);
  let restart: Restart | undefined;
  for (const candidate of [...candidates].sort(byUrgency)) {
    const wait: Wait | undefined = candidate.hold
      ? { reason: candidate.hold, releasedInMs: candidate.releasedInMs }
      : (stop ?? (candidate.kind === 'bump' ? bumpWait(group, candidate, input) : undefined));
    if (wait) {
      waits.push(wait);
      holds.set(candidate.validator.key, wait.reason);
    } else if (restart === undefined) {
      restart = restartOf(group, candidate, input);
    } else {
      holds.set(candidate.validator.key, reason('InFlight', restart.statefulSet));
    }
  }
  return { restart, holds, recheckInMs: earliest(waits) };
}

/** Resolution of Kubernetes timestamps. */
const SECOND_MS = 1_000;

interface Wait {
  readonly reason: Reason;
  readonly releasedInMs?: number | undefined;
}

function earliest(waits: readonly Wait[]): number | undefined {
  const known = waits.map((wait) => wait.releasedInMs).filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** What stops the whole group. */
function groupHold(group: Group, candidates: readonly Candidate[], input: RolloutInput): Wait | undefined {
  const entries = readJournal(input.world.journal, group.key);
  if (!entries) return { reason: reason('JournalUnreadable', group.key) };
  const [open] = openEntries(entries);
  if (open) return { reason: reason('InFlight', open.statefulSet) };
  const failed = uninjectedAfterRestart(entries, candidates);
  if (failed) return { reason: reason('NotInjected', failed) };
  const quietMs = input.quietMs(group.key);
  const { stabilizationMs } = input.settings;
  if (quietMs < stabilizationMs) {
    return { reason: reason('Stabilizing'), releasedInMs: stabilizationMs - quietMs };
  }
  return undefined;
}

/** A StatefulSet that our restart left uninjected, and that still is. */
function uninjectedAfterRestart(
  entries: readonly Entry[],
  candidates: readonly Candidate[],
): string | undefined {
  const failed = new Set(
    entries.filter((entry) => entry.outcome === 'notInjected').map((entry) => entry.statefulSet),
  );
  const still = candidates.find(
    (candidate) => candidate.drift === 'notInjected' && failed.has(candidate.statefulSet.key),
  );
  return still?.statefulSet.key;
}

/** Why a Ready validator must wait for the others of its group. */
function bumpWait(group: Group, candidate: Candidate, input: RolloutInput): Wait | undefined {
  return (
    unavailableWait(group, candidate, input) ??
    minReadyWait(group, candidate, input) ??
    budgetWait(candidate, input)
  );
}

function unavailableWait(group: Group, candidate: Candidate, input: RolloutInput): Wait | undefined {
  const { world, discovery, settings } = input;
  const down = group.validators.flatMap((validator) => {
    if (validator.key === candidate.validator.key) return [];
    const why = downBecause(world, validator, discovery.statefulSetOf.get(validator.key));
    return why === undefined ? [] : [`${validator.key} is ${why}`];
  });
  if (down.length + 1 <= settings.maxUnavailable) return undefined;
  const shown = down.length > 3 ? [...down.slice(0, 3), `${down.length - 3} more`] : down;
  const detail = shown.length > 0 ? shown.join(', ') : `MAX_UNAVAILABLE is ${settings.maxUnavailable}`;
  return { reason: reason('WaitingForUnavailable', detail) };
}

function minReadyWait(group: Group, candidate: Candidate, input: RolloutInput): Wait | undefined {
  const { world, discovery, settings, nowMs } = input;
  const waits = group.validators.flatMap((validator): Wait[] => {
    const statefulSet = discovery.statefulSetOf.get(validator.key);
    if (validator.key === candidate.validator.key || !statefulSet || statefulSet.replicas === 0) return [];
    // One that is down and still passed is uncounted, or within the budget.
    if (downBecause(world, validator, statefulSet) !== undefined || validator.budget === 'uncounted')
      return [];
    // The API server writes whole seconds: counted from the end of that second, it is never too early.
    const leftMs = readySinceMs(world, statefulSet) + SECOND_MS + settings.minReadyMs - nowMs;
    return leftMs > 0 ? [{ reason: reason('WaitingForMinReady', validator.key), releasedInMs: leftMs }] : [];
  });
  return waits.sort((a, b) => (b.releasedInMs ?? 0) - (a.releasedInMs ?? 0))[0];
}

function budgetWait(candidate: Candidate, { world }: RolloutInput): Wait | undefined {
  const found = forbiddingBudget(world, candidate.validator, podsOf(world, candidate.statefulSet));
  return found && { reason: found };
}

/**
 * The restart with its token: the published hash and a digest of the pods to be replaced. Two leaders with the
 * same intent write the same; each generation of pods gets another.
 */
function restartOf(
  group: Group,
  { validator, statefulSet, drift, kind, pods }: Candidate,
  { world }: RolloutInput,
): Restart {
  const published = publishedView(world.configMaps.get(validator.namespace), validator.name);
  const uids = pods.map((pod) => pod.uid).sort();
  return {
    group: group.key,
    validator,
    statefulSet: statefulSet.key,
    kind,
    drift,
    pods: pods.map(({ key, name, uid }) => ({ key, name, uid })),
    token: `${published?.hash ?? 'unpublished'}.${digestOf(uids.join())}`,
  };
}
