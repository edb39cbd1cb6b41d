/**
 * Decides which bumps are taken back: those that have replaced no pod yet, and would not be begun now. Otherwise the
 * StatefulSet controller could replace pods later, when a rule forbids it. Pure.
 */
import { CLOCK_BEHIND_MS } from '../../../peers/clock-error.ts';
import type { Group } from '../../../peers/discovery/discover.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import type { ReasonCode } from '../../../peers/reasons/reasons.ts';
import type { Validator, World } from '../../../peers/world.ts';
import type { JournalEntry } from '../journal/journal.ts';
import { examine } from './candidate.ts';
import { GroupGuard } from './guards.ts';
import type { InFlightRestart } from './in-flight-restarts.ts';
import { GroupLinks } from './links.ts';
import { isUntouchedBump } from './outcome.ts';
import type { RolloutInput } from './rollout.ts';

/** A StatefulSet controller that runs observes a change of the template within this. */
const NOTICED_MS = 30_000;
/** A controller that has observed the change, and replaced no Ready pod within this, is held up or will not do so. */
const REPLACED_MS = 120_000;

/** Why a bump is taken back, as the journal stores it: the reason that forbids it now, or that no peer is missing. */
export type TakenBack = ReasonCode | 'NothingLacking' | 'NotOfTheGroup';

/**
 * Why to take an open restart back; undefined if it should go on. Its age is the longer of two times: `seenForMs`, for
 * which this leader has seen it, and the age by the journal, less the error that the writer's clock may have had.
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
  // The journal's date counts too: if leaders change every few seconds, `seenForMs` never grows.
  const ageMs = Math.max(seenForMs, input.nowMs - entry.atMs - CLOCK_BEHIND_MS);
  const isLate = ageMs >= (isNoticed ? REPLACED_MS : NOTICED_MS);
  return forbidden ?? (isLate ? 'ControllerAway' : undefined);
}

/** Why the restart would not be begun now. Journal, windows and ages were checked at its begin, and do not count. */
function forbiddenNow(validator: Validator, group: Group, input: RolloutInput): TakenBack | undefined {
  const finding = examine(validator, {
    ...input,
    group,
    links: new GroupLinks(group, { ...input, ownNamespace: input.settings.ownNamespace }),
  });
  if (finding.kind === 'fine') return 'NothingLacking';
  if (finding.kind === 'held') return finding.reason.code;
  const { candidate } = finding;
  // The StatefulSet is unsettled because of the bump itself.
  if (candidate.hold && candidate.hold.code !== 'Unsettled') return candidate.hold.code;
  return new GroupGuard(group, input).forbids(candidate)?.code;
}

/**
 * The token to put back into the template: that of the running pods, so that none of them is replaced. The token that the
 * template had before may be another writer's, and no pod may run with it.
 */
export function tokenOfPods(entry: JournalEntry, world: World): string | undefined {
  const [pod] = podsOf(world, world.statefulSets.get(entry.statefulSet));
  return pod?.restartToken;
}
