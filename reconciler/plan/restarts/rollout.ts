/**
 * Plans the one restart that may begin now in a group, and a reason for each other validator that lacks something. Pure.
 * candidate.ts has the rules about the validator itself, guards.ts those about its group and the time.
 *
 *   a pod that cannot become Ready by itself  → is deleted; it is down already, so no budget counts
 *   Ready pods                                → by their template, if all others have been up for long enough
 */
import type { Group } from '../../../peers/discovery/discover.ts';
import { digestOf } from '../../../peers/hash.ts';
import { leastOf } from '../../../peers/lists.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import { publishedFor } from '../../../peers/views/views.ts';
import { byText, type Key, type Validator } from '../../../peers/world.ts';
import { entriesOfGroup, unreadableFor } from '../journal/group-journal.ts';
import { type JournalEntry, notAhead, openEntries, type RestartKind } from '../journal/journal.ts';
import { unsyncedAfter } from '../quorum/core-says.ts';
import { type Candidate, type CandidateSettings, examine } from './candidate.ts';
import { BY_LACK, type DriftKind } from './drift.ts';
import { GroupGuard, type GuardInput, type GuardSettings, groupWait, inFlight, troubles } from './guards.ts';
import { GroupLinks } from './links.ts';
import { controllerSetback, pastSetback, restAfterTakeBack, unnoticedTakeBack } from './past-restarts.ts';
import { asWait, type Wait } from './rate-limit.ts';
import { later, type Setback } from './setbacks.ts';

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
  /** The present token of the template. */
  readonly before: string | undefined;
}

export interface GroupPlan {
  readonly restart: Restart | undefined;
  /** Why validators that lack something are not restarted, by StellarNode. */
  readonly holds: ReadonlyMap<Key, Reason>;
  readonly remarks: ReadonlyMap<Key, Reason>;
  /** The wait, in ms, until a hold may end by itself; undefined if only a change can end it. */
  readonly recheckInMs: number | undefined;
}

/** The plan of every group. */
export function planRollout(input: RolloutInput): Map<string, GroupPlan> {
  const plans = new Map<string, GroupPlan>();
  for (const group of input.discovery.groups.values()) plans.set(group.key, planAlone(group, input));
  return plans;
}

/** Plans one group. An error stops only this group, and none of its validators is restarted. */
function planAlone(group: Group, input: RolloutInput): GroupPlan {
  try {
    return planGroup(group, input);
  } catch (error) {
    const why = reason('GroupNotJudged', String(error));
    const nodes = [...input.discovery.groupOf].filter(([, key]) => key === group.key);
    const holds = new Map(nodes.map(([node]) => [node, why]));
    return { restart: undefined, holds, remarks: new Map(), recheckInMs: undefined };
  }
}

/** The restart that may begin in one group now: at most one pod or StatefulSet. */
export function planGroup(group: Group, input: RolloutInput): GroupPlan {
  const { holds, candidates, waits } = examineAll(group, input);
  const written = entriesOfGroup(input.world.journal, group);
  const entries = written?.map((entry) => notAhead(entry, input.nowMs));
  const under = entries && inFlight(entries, input);
  const unsynced = unsyncedAfter(entries ?? [], input);
  for (const [key, { reason: why }] of unsynced) holds.set(key, why);
  for (const [key, why] of troubles(entries ?? [], under, input)) holds.set(key, why);
  const recheckInMs = earliest([...(under ? [under] : []), ...unsynced.values(), ...waits]);
  const base = { restart: undefined, holds, remarks: new Map(), recheckInMs };
  if (candidates.length === 0) return base;
  if (!entries) {
    const why = reason('JournalUnreadable', unreadableFor(input.world.journal, group));
    return { ...base, holds: allHeld(candidates, why, holds) };
  }
  const stop = under ?? restOf(entries, input.nowMs) ?? groupWait(group, entries, input);
  return choose(group, { candidates, waits, stop, entries, holds, unsynced }, input);
}

function examineAll(group: Group, input: RolloutInput) {
  const holds = new Map<Key, Reason>();
  const candidates: Candidate[] = [];
  const waits: Wait[] = [];
  const links = new GroupLinks(group, { ...input, ownNamespace: input.settings.ownNamespace });
  const seen = { ...input, group, links };
  for (const validator of group.validators) {
    if (validator.suspended) continue;
    const finding = examine(validator, seen);
    if (finding.kind === 'held') holds.set(validator.key, finding.reason);
    if (finding.kind === 'held') waits.push(finding);
    if (finding.kind === 'candidate') candidates.push(finding.candidate);
  }
  return { holds, candidates, waits };
}

/** Every candidate waits for the same reason, unless it has one of its own. */
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

/** Deletes first, since those pods are down anyway; then those that lack most; then by name. Refused ones come last. */
const byUrgency =
  (wasRefused: (key: Key) => boolean) =>
  (a: Candidate, b: Candidate): number =>
    Number(wasRefused(a.validator.key)) - Number(wasRefused(b.validator.key)) ||
    Number(a.kind === 'bump') - Number(b.kind === 'bump') ||
    BY_LACK.indexOf(a.drift) - BY_LACK.indexOf(b.drift) ||
    byText(a.validator.key, b.validator.key);

interface Choice {
  readonly candidates: readonly Candidate[];
  /** The waits of validators that are no candidates yet. */
  readonly waits: readonly Wait[];
  /** The wait of the whole group. */
  readonly stop: Wait | undefined;
  readonly entries: readonly JournalEntry[];
  readonly holds: ReadonlyMap<Key, Reason>;
  /** Restarts after which a validator is not synced yet. */
  readonly unsynced: ReadonlyMap<Key, Wait>;
}

function choose(group: Group, choice: Choice, input: RolloutInput): GroupPlan {
  const { candidates, stop, entries, holds, unsynced } = choice;
  const guard = new GroupGuard(group, input, unsynced);
  const waits: Wait[] = [...choice.waits, ...(stop ? [stop] : [])];
  const held = new Map(holds);
  const remarks = new Map<Key, Reason>();
  const rolled = new Set(openEntries(entries).map(({ statefulSet }) => statefulSet));
  const setbacks = setbacksOf(group, { candidates, entries }, input);
  const obstacle = input.setbacks.ofAll(group.key);
  let restart: Restart | undefined;
  for (const candidate of [...candidates].sort(byUrgency((key) => setbacks.has(key)))) {
    const { key } = candidate.validator;
    const setback = setbacks.get(key);
    const own = asWait(holds.get(key)) ?? ownWait(candidate, rolled);
    const wait = own ?? delayOf(setback) ?? stop ?? guard.wait(candidate) ?? delayOf(obstacle);
    if (wait) waits.push(wait);
    const known = ownReason(own, candidate, choice, input.nowMs) ?? wait?.reason ?? obstacle?.reason;
    if (wait || restart) {
      held.set(key, known ?? reason('Queued', restart?.statefulSet));
      continue;
    }
    restart = restartOf(group, candidate, input);
    const remark = known ?? setback?.reason ?? guard.remark(candidate);
    if (remark) remarks.set(key, remark);
  }
  return { restart, holds: held, remarks, recheckInMs: earliest(waits) };
}

/** The candidates whose last attempt failed: by the journal, else by this leader's memory. */
function setbacksOf(
  group: Group,
  { candidates, entries }: Pick<Choice, 'candidates' | 'entries'>,
  input: RolloutInput,
): ReadonlyMap<Key, Setback> {
  const pasts = Map.groupBy(entries, ({ statefulSet }) => statefulSet);
  const found = candidates.map((candidate) => {
    const { key } = candidate.validator;
    const past = pasts.get(candidate.statefulSet.key);
    const against = past && pastSetback(restartOf(group, candidate, input), past, input.nowMs);
    return [key, later(against, input.setbacks.of(key))] as const;
  });
  return new Map(found.flatMap(([key, setback]) => (setback ? [[key, setback]] : [])));
}

/** The validator's own reason; if only our own take-back left the StatefulSet unsettled, the reason says so. */
function ownReason(
  own: Wait | undefined,
  { statefulSet }: Candidate,
  { entries }: Choice,
  nowMs: number,
): Reason | undefined {
  const isNoticed = statefulSet.observedGeneration >= statefulSet.generation;
  if (own?.reason.code !== 'Unsettled' || isNoticed) return own?.reason;
  const last = entries.findLast((each) => each.statefulSet === statefulSet.key);
  return (last && unnoticedTakeBack(last, statefulSet, nowMs)) ?? own.reason;
}

/** The wait after a failed attempt. */
const delayOf = (setback: Setback | undefined): Wait | undefined =>
  setback && setback.dueInMs > 0 ? { reason: setback.reason, releasedInMs: setback.dueInMs } : undefined;

const restOf = (entries: readonly JournalEntry[], nowMs: number): Wait | undefined =>
  delayOf(controllerSetback(entries, nowMs)) ?? delayOf(restAfterTakeBack(entries, nowMs));

/** The validator's own wait. A roll that our restart caused is shown as under way, not as unsettled. */
const ownWait = (
  { hold, releasedInMs, statefulSet }: Candidate,
  rolled: ReadonlySet<Key>,
): Wait | undefined =>
  hold && !(hold.code === 'Unsettled' && rolled.has(statefulSet.key))
    ? { reason: hold, releasedInMs }
    : undefined;

function earliest(waits: readonly Wait[]): number | undefined {
  const known = waits.map((wait) => wait.releasedInMs).filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : leastOf(known);
}

/**
 * The restart with its token: the published hash and a digest of the UIDs of the pods to replace. Two leaders with the
 * same intent write the same token. The next pods get another one.
 */
function restartOf(
  group: Group,
  { validator, statefulSet, drift, kind, pods }: Candidate,
  { world }: RolloutInput,
): Restart {
  const published = publishedFor(validator, world);
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
