/**
 * Which bump is to be taken back: one that has replaced no pod yet, and would not be begun any more. Left alone it would
 * act later, without a question whether it still may. Pure.
 */
import { CLOCK_BEHIND_MS } from '../../../peers/clock-error.ts';
import type { Group } from '../../../peers/discovery/discover.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import type { ReasonCode } from '../../../peers/reasons/reasons.ts';
import type { StatefulSetFacts, Validator, World } from '../../../peers/world.ts';
import type { JournalEntry } from '../journal/journal.ts';
import { examine } from './candidate.ts';
import { GroupGuard } from './guards.ts';
import type { InFlightRestart } from './in-flight-restarts.ts';
import { GroupLinks } from './links.ts';
import { isUntouchedBump } from './outcome.ts';
import type { RolloutInput } from './rollout.ts';

/** A StatefulSet controller that is there takes notice of a change within this. */
const NOTICED_MS = 30_000;
/** One that took notice and still replaces no pod of those that are Ready is kept from it, or does not mean to. */
const REPLACED_MS = 120_000;

/** Why a bump is taken back, as the journal keeps it: what forbids it now, or that nothing is lacking any more. */
export type TakenBack = ReasonCode | 'NothingLacking' | 'NotOfTheGroup';

/**
 * Why an open restart is to be taken back; undefined where it is not. The leader has seen it for `seenForMs`, and the journal
 * tells its age: the longer of both counts, less what the clock of the leader that began it may have been behind.
 */
export function takeBackWhy(
  open: InFlightRestart,
  input: RolloutInput,
  seenForMs: number,
): TakenBack | undefined {
  const { entry } = open;
  const { world, discovery } = input;
  const statefulSet = world.statefulSets.get(entry.statefulSet);
  if (!statefulSet || !isUntouchedBump(entry, world)) return undefined;
  if (podsOf(world, statefulSet).some((pod) => !pod.ready)) return 'NotAllReady';
  const group = discovery.groups.get(discovery.groupOf.get(entry.statefulSet) ?? open.group);
  const validator = group?.validators.find(({ key }) => key === entry.statefulSet);
  if (!group || !validator || validator.suspended) return 'NotOfTheGroup';
  const forbidden = forbiddenNow(validator, group, input);
  const isNoticed = statefulSet.observedGeneration >= statefulSet.generation;
  // Leaders that change every few seconds would each begin to count anew.
  const ageMs = Math.max(seenForMs, input.nowMs - entry.atMs - CLOCK_BEHIND_MS);
  const isLate = ageMs >= (isNoticed ? REPLACED_MS : NOTICED_MS);
  return forbidden ?? (isLate ? 'ControllerAway' : undefined);
}

/** Why it would not be begun now, whatever the journal, time and age say: those were asked when it was. */
function forbiddenNow(validator: Validator, group: Group, input: RolloutInput): TakenBack | undefined {
  const finding = examine(validator, {
    ...input,
    group,
    links: new GroupLinks(group, { ...input, ownNamespace: input.settings.ownNamespace }),
  });
  if (finding.kind === 'fine') return 'NothingLacking';
  if (finding.kind === 'held') return finding.reason.code;
  const { candidate } = finding;
  // It is unsettled because of the bump itself.
  if (candidate.hold && candidate.hold.code !== 'Unsettled') return candidate.hold.code;
  return new GroupGuard(group, input).forbids(candidate)?.code;
}

/**
 * What the template's annotation must be for the pods to be left alone: what they carry. What it held before may be
 * another writer's that no pod runs.
 */
export function tokenOfPods(entry: JournalEntry, world: World): string | undefined {
  const statefulSet: StatefulSetFacts | undefined = world.statefulSets.get(entry.statefulSet);
  const [pod] = statefulSet ? podsOf(world, statefulSet) : [];
  return pod?.restartToken;
}
