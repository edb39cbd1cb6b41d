/** Finds in the journal why a validator must not be restarted again, whichever replica leads. Pure. */
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { StatefulSetFacts } from '../../../peers/world.ts';
import { hasHappened, type JournalEntry, type Outcome } from '../journal/journal.ts';
import type { Setback } from './setbacks.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const DELAY_MS_MAX = 30 * MINUTE_MS;

/** The cause of a restart: no injection, or the missing peers of one published list. It is the same for each try. */
export const causeOf = ({ drift, token }: Pick<JournalEntry, 'drift' | 'token'>): string =>
  drift === 'notInjected' ? drift : (token.split('.')[0] ?? '');

type Wanted = Pick<JournalEntry, 'drift' | 'token'> & {
  readonly pods: ReadonlyArray<{ readonly name: string; readonly uid: string }>;
};

/** Why the last restarts of one StatefulSet, those in `entries`, forbid the next one, and the wait in ms. */
export const pastSetback = (
  wanted: Wanted,
  entries: readonly JournalEntry[],
  nowMs: number,
): Setback | undefined => inVain(wanted, entries, nowMs) ?? repeated(entries, nowMs, failureOf);

/**
 * UIDs of pods that our restarts left bare: after one restart that its leader watched, however long ago, or after two
 * of one StatefulSet within 24 h that no leader watched. If such a pod still exists, another restart would leave it bare
 * again.
 */
export function podsLeftBare(entries: readonly JournalEntry[], nowMs: number): ReadonlySet<string> {
  const watched = entries.filter(({ outcome }) => outcome === 'notInjected');
  const bare = lastDay(entries, nowMs).filter(({ outcome }) => BARE.has(outcome ?? ''));
  const again = [...Map.groupBy(bare, ({ statefulSet }) => statefulSet).values()].filter(
    ({ length }) => length >= TWICE,
  );
  const newIn = ({ after = [], uids }: JournalEntry) => after.filter((uid) => !uids.includes(uid));
  return new Set([...watched, ...again.flat()].flatMap(newIn));
}

const BARE: ReadonlySet<string> = new Set<Outcome>(['notInjected', 'unwitnessed']);
/** The most restarts for one cause within 24 h. */
export const TWICE = 2;

const lastDay = (entries: readonly JournalEntry[], nowMs: number): readonly JournalEntry[] =>
  entries.filter(({ atMs }) => nowMs - atMs < DAY_MS);

/**
 * Two restarts within 24 h for the same cause are enough, whatever replaced the pod in between. Two whose outcome no
 * leader saw are enough too, until something other than our restarts has replaced the pod.
 */
function inVain(
  { pods, ...wanted }: Wanted,
  entries: readonly JournalEntry[],
  nowMs: number,
): Setback | undefined {
  const sinceGone = entries.slice(entries.findLastIndex(({ outcome }) => outcome === 'gone') + 1);
  const isOfThese = ({ names }: JournalEntry) =>
    names?.some((name) => pods.some((pod) => pod.name === name)) ?? true;
  const ended = lastDay(sinceGone, nowMs).filter(
    (each) => each.outcome !== undefined && hasHappened(each) && isOfThese(each),
  );
  const same = ended.filter((each) => causeOf(each) === causeOf(wanted));
  const unseen =
    wanted.drift === 'notInjected' ? ended.filter(({ outcome }) => outcome === 'unwitnessed') : [];
  const { after } = unseen.at(-1) ?? {};
  const isReplaced = after !== undefined && !pods.some(({ uid }) => after.includes(uid));
  const tries = same.length < TWICE && !isReplaced ? unseen : same;
  const [first, last] = tries.slice(-TWICE);
  if (!first || !last) return undefined;
  const until = new Date(first.atMs + DAY_MS).toISOString();
  return { reason: reason('RestartedInVain', `until ${until}`), dueInMs: first.atMs + DAY_MS - nowMs };
}

/** The wait of a whole group, if the StatefulSet controller was away at the last restart: then it is away for all. */
export const controllerSetback = (entries: readonly JournalEntry[], nowMs: number): Setback | undefined =>
  repeated(entries, nowMs, awayOf);

/** After a restart was taken back, its group waits: one that flaps is not bumped and taken back in turn. */
export function restAfterTakeBack(entries: readonly JournalEntry[], nowMs: number): Setback | undefined {
  const last = entries.findLast(({ outcome }) => outcome === 'defused');
  if (!last) return undefined;
  const { statefulSet, why, atMs, endedAtMs = atMs } = last;
  const detail = why === undefined ? statefulSet : `${statefulSet}: ${why}`;
  return { reason: reason('RestartTakenBack', detail), dueInMs: endedAtMs + MINUTE_MS - nowMs };
}

/** The reason for a StatefulSet whose last restart was taken back, until its controller has noticed that. */
export function unnoticedTakeBack(
  last: JournalEntry,
  { observedGeneration }: StatefulSetFacts,
  nowMs: number,
): Reason | undefined {
  if (last.outcome !== 'defused') return undefined;
  const rest = restAfterTakeBack([last], nowMs);
  const isResting = rest !== undefined && rest.dueInMs > 0;
  const { generation } = last;
  const isUnnoticed = generation === undefined ? isResting : observedGeneration < generation;
  if (!isUnnoticed) return undefined;
  return awayOf(last) ?? (isResting ? rest.reason : reason('ControllerAway', last.statefulSet));
}

/** The wait after one or more failures in a row: 1, 2, 4 … 30 minutes after the last one. */
function repeated(
  entries: readonly JournalEntry[],
  nowMs: number,
  failureOf: (entry: JournalEntry) => Reason | undefined,
): Setback | undefined {
  // A restart that was taken back for another reason counts neither as a failure nor as a success.
  const closed = entries.filter(
    (entry) => entry.outcome !== undefined && (entry.outcome !== 'defused' || awayOf(entry)),
  );
  const failures = closed.length - 1 - closed.findLastIndex((entry) => failureOf(entry) === undefined);
  const last = closed.at(-1);
  const why = failures > 0 && last && failureOf(last);
  if (!why) return undefined;
  const delayMs = Math.min(MINUTE_MS * 2 ** (failures - 1), DELAY_MS_MAX);
  const { endedAtMs = last.atMs } = last;
  // Limited to the delay, because the clock of the leader that wrote the entry may be ahead.
  return { reason: why, dueInMs: Math.max(0, Math.min(endedAtMs + delayMs - nowMs, delayMs)) };
}

/** The reason if a restart failed in a way that may happen again. */
const failureOf = (entry: JournalEntry): Reason | undefined =>
  entry.outcome === 'void' ? reason('RestartReverted', entry.statefulSet) : awayOf(entry);

const awayOf = ({ outcome, why, statefulSet }: JournalEntry): Reason | undefined =>
  outcome === 'defused' && why === 'ControllerAway' ? reason('ControllerAway', statefulSet) : undefined;
