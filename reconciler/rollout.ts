/**
 * Which pod of a group may be restarted now, and for every other that lacks something, why not. Pure.
 * What a validator itself forbids is candidate.ts, what its group and the time forbid is guards.ts.
 *
 *   a not-Ready pod that cannot get well  → deleted; it is down already, so the budget is not asked
 *   a Ready pod                           → by its template, if all others are up for long enough
 */
import type { Group } from '../peers/discover.ts';
import { digestOf } from '../peers/hash.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import { publishedView } from '../peers/views.ts';
import { byText, type Key, type Validator } from '../peers/world.ts';
import { type Candidate, type CandidateSettings, examine } from './candidate.ts';
import type { DriftKind } from './drift.ts';
import { GroupGuard, type GuardInput, type GuardSettings, groupWait, inFlight } from './guards.ts';
import { openEntries, type RestartKind, readJournal } from './journal.ts';
import type { Wait } from './pace.ts';

export interface RolloutSettings extends CandidateSettings, GuardSettings {}
export type RolloutInput = GuardInput;

/** One restart that may begin now. */
export interface Restart {
  readonly group: string;
  readonly validator: Validator;
  readonly statefulSet: Key;
  readonly kind: RestartKind;
  readonly drift: DriftKind;
  readonly pods: ReadonlyArray<{ readonly key: Key; readonly name: string; readonly uid: string }>;
  readonly token: string;
  /** The token that the template has now. */
  readonly before: string | undefined;
}

export interface GroupPlan {
  readonly restart: Restart | undefined;
  /** Why a validator that lacks something is not restarted, by StellarNode. */
  readonly holds: ReadonlyMap<Key, Reason>;
  /** What is to be told of a restart although it is not held. */
  readonly remarks: ReadonlyMap<Key, Reason>;
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
  const { holds, candidates } = examineAll(group, input);
  const entries = readJournal(input.world.journal, group.key);
  const under = entries && inFlight(entries, input);
  if (under?.reason.code === 'Stalled') {
    for (const { statefulSet } of openEntries(entries ?? [])) holds.set(statefulSet, under.reason);
  }
  const base = { restart: undefined, holds, remarks: new Map(), recheckInMs: under?.releasedInMs };
  if (candidates.length === 0) return base;
  if (!entries) return { ...base, holds: allHeld(candidates, reason('JournalUnreadable', group.key), holds) };
  const stop = under ?? groupWait(group, entries, candidates, input);
  const rolled = new Set(openEntries(entries).map(({ statefulSet }) => statefulSet));
  return choose(group, { candidates, stop, rolled, holds }, input);
}

function examineAll(group: Group, input: RolloutInput) {
  const holds = new Map<Key, Reason>();
  const candidates: Candidate[] = [];
  const seen = { ...input, group };
  for (const validator of group.validators) {
    if (validator.suspended || input.atRest?.has(validator)) continue;
    const finding = examine(validator, seen);
    if (finding.kind === 'held') holds.set(validator.key, finding.reason);
    if (finding.kind === 'candidate') candidates.push(finding.candidate);
  }
  return { holds, candidates };
}

/** Everybody waits for the same, but for those whom their own reason holds. */
function allHeld(
  candidates: readonly Candidate[],
  why: Reason,
  holds: ReadonlyMap<Key, Reason>,
): Map<Key, Reason> {
  return new Map([
    ...holds,
    ...candidates.map(({ validator, hold }) => [validator.key, hold ?? why] as const),
  ]);
}

const ORDER: readonly DriftKind[] = ['isolated', 'notInjected', 'short'];

/** Deletes first (down already), then whoever lacks most, then by name: the same on every replica. */
const byUrgency = (a: Candidate, b: Candidate): number =>
  Number(a.kind === 'bump') - Number(b.kind === 'bump') ||
  ORDER.indexOf(a.drift) - ORDER.indexOf(b.drift) ||
  byText(a.validator.key, b.validator.key);

interface Choice {
  readonly candidates: readonly Candidate[];
  /** What stops the whole group. */
  readonly stop: Wait | undefined;
  /** StatefulSets that restarts of ours are under way on. */
  readonly rolled: ReadonlySet<Key>;
  readonly holds: ReadonlyMap<Key, Reason>;
}

function choose(group: Group, { candidates, stop, rolled, holds }: Choice, input: RolloutInput): GroupPlan {
  const guard = new GroupGuard(group, input);
  const waits: Wait[] = stop ? [stop] : [];
  const held = new Map(holds);
  const remarks = new Map<Key, Reason>();
  let restart: Restart | undefined;
  for (const candidate of [...candidates].sort(byUrgency)) {
    const { key } = candidate.validator;
    const wait = ownWait(candidate, rolled) ?? stop ?? guard.wait(candidate);
    if (wait) waits.push(wait);
    if (wait || restart) {
      held.set(key, wait?.reason ?? reason('InFlight', restart?.statefulSet));
      continue;
    }
    restart = restartOf(group, candidate, input);
    const { remark } = guard.quorum(candidate);
    if (remark) remarks.set(key, remark);
  }
  return { restart, holds: held, remarks, recheckInMs: earliest(waits) };
}

/** A StatefulSet that rolls because of us is not rolled by somebody else: that is told as what is under way. */
const ownWait = (
  { hold, releasedInMs, statefulSet }: Candidate,
  rolled: ReadonlySet<Key>,
): Wait | undefined =>
  hold && !(hold.code === 'Unsettled' && rolled.has(statefulSet.key))
    ? { reason: hold, releasedInMs }
    : undefined;

function earliest(waits: readonly Wait[]): number | undefined {
  const known = waits.map((wait) => wait.releasedInMs).filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
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
    before: statefulSet.restartToken,
    token: `${published?.hash ?? 'unpublished'}.${digestOf(uids.join())}`,
  };
}
