/**
 * Holds restarts because of the rest of the group, or of the time. candidate.ts has the rules about the validator. Pure.
 *
 *   the journal has an open restart       → all wait (InFlight), without a limit (Stalled)
 *   a restart left a pod uninjected       → the group is stopped (NotInjected)
 *   windows, the hour's limit, quiet      → all wait
 *   the pods are Ready                    → they wait until all others are up, have been for long enough, and have nodes
 */
import type { Group } from '../../../peers/discovery/discover.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import { bareThoughInjectable } from '../../../peers/injection/successor.ts';
import { lazy } from '../../../peers/lazy.ts';
import { type Reason, reason, reasonWith } from '../../../peers/reasons/reasons.ts';
import type { Key, PodFacts } from '../../../peers/world.ts';
import { type JournalEntry, openEntries } from '../journal/journal.ts';
import { fragileVerdict, namespaceWait } from '../quorum/core-says.ts';
import { QuorumMargins } from '../quorum/quorum-margin.ts';
import { type QuorumVerdict, quorumVerdict } from '../quorum/quorum-verdict.ts';
import { UNCOUNTED } from './availability.ts';
import { forbiddingBudget } from './budgets.ts';
import type { Candidate, CandidateInput } from './candidate.ts';
import { type UnavailabilitySettings, unavailabilityOf, unavailableReason } from './max-unavailable.ts';
import { isUntouchedBump, isWithoutTrace } from './outcome.ts';
import { podsLeftBare } from './past-restarts.ts';
import type { Quiet } from './quiet.ts';
import { ageWait, asWait, type RateLimitSettings, rateLimitWait, type Wait } from './rate-limit.ts';
import type { SetbackLookup } from './setbacks.ts';
import { noNode, unplacedIn, unplacedOf, unplacedWait } from './unplaced.ts';

export interface GuardSettings extends UnavailabilitySettings, RateLimitSettings {
  readonly minReadyMs: number;
  readonly stabilizationMs: number;
  /** The longest wait for changes that go on and on. */
  readonly stabilizationMsMax: number;
  readonly progressDeadlineMs: number;
}

export interface GuardInput extends Omit<CandidateInput, 'group' | 'links' | 'settings'> {
  readonly settings: CandidateInput['settings'] & GuardSettings;
  readonly quiet: (group: string) => Quiet;
  readonly setbacks: SetbackLookup;
  readonly readyForMs: (pod: PodFacts) => number;
}

/** The wait of a group for its restart under way. */
export function inFlight(entries: readonly JournalEntry[], input: GuardInput): Wait | undefined {
  const [open] = openEntries(entries);
  if (!open) return undefined;
  const leftMs = open.atMs + input.settings.progressDeadlineMs - input.nowMs;
  const refused = input.setbacks.ofUndo(open.statefulSet);
  if (refused) return { reason: refused };
  if (leftMs > 0) return { reason: reason('InFlight', open.statefulSet), releasedInMs: leftMs };
  const since = new Date(open.atMs).toISOString();
  return { reason: reason('Stalled', `${open.statefulSet}, since ${since}${becauseOf(open, input)}`) };
}

function becauseOf(open: JournalEntry, input: GuardInput): string {
  const unplaced = unplacedAfter(open, input);
  if (unplaced) return `; ${unplaced.key} has no node`;
  if (isWithoutTrace(open, input.world)) return '; it does not show, and no leader could fence it';
  return isUntouchedBump(open, input.world)
    ? '; it has replaced no pod, and no leader could take it back'
    : '';
}

/** The reasons of validators whose restarts are under way but do not go on. */
export function troubles(
  entries: readonly JournalEntry[],
  under: Wait | undefined,
  input: GuardInput,
): Map<Key, Reason> {
  const found = new Map<Key, Reason>();
  for (const open of openEntries(entries)) {
    const unplaced = unplacedAfter(open, input);
    if (under && under.reason.code !== 'InFlight') found.set(open.statefulSet, under.reason);
    else if (unplaced) found.set(open.statefulSet, noNode(unplaced));
  }
  return found;
}

const unplacedAfter = ({ statefulSet }: JournalEntry, { world }: GuardInput): PodFacts | undefined =>
  unplacedIn(world, world.statefulSets.get(statefulSet));

/** The wait of the whole group, other than for a restart under way. */
export function groupWait(
  group: Group,
  entries: readonly JournalEntry[],
  input: GuardInput,
): Wait | undefined {
  const bare = bareAfterRestart(entries, input);
  if (bare !== undefined) {
    const [namespace, name] = bare.split('/');
    return { reason: reasonWith('NotInjected', bare, `kubectl -n ${namespace} delete pod ${name}`) };
  }
  const { settings, nowMs } = input;
  return stabilizing(input.quiet(group.key), settings) ?? rateLimitWait(entries, settings, nowMs);
}

function stabilizing(
  { quietMs, changingMs }: Quiet,
  { stabilizationMs, stabilizationMsMax }: GuardSettings,
): Wait | undefined {
  const leftMs = Math.min(stabilizationMs - quietMs, stabilizationMsMax - (changingMs + quietMs));
  return leftMs > 0 ? { reason: reason('Stabilizing'), releasedInMs: leftMs } : undefined;
}

/** A pod that our restart left bare, and that is still bare, although the next pod would be injected. */
function bareAfterRestart(
  entries: readonly JournalEntry[],
  { world, discovery, nowMs }: GuardInput,
): Key | undefined {
  const left = podsLeftBare(entries, nowMs);
  return [...new Set(entries.map(({ statefulSet }) => statefulSet))]
    .flatMap((key) => bareThoughInjectable(key, world, discovery))
    .find(({ uid }) => left.has(uid))?.key;
}

/** The rules of a group for the restart of a Ready validator. Each part is computed at its first use in a plan. */
export class GroupGuard {
  readonly #group: Group;
  readonly #input: GuardInput;
  readonly #quorum: QuorumMargins;
  readonly #unsynced: ReadonlyMap<Key, Wait>;
  readonly #unavailability = lazy(() => unavailabilityOf(this.#group, this.#input));
  readonly #unplaced = lazy(() => unplacedOf(this.#group, this.#input));
  readonly #youngest = lazy(() => this.#readyLastFirst());

  /** `unsynced` are the waits after restarts whose validator is not synced yet, by StatefulSet. */
  constructor(group: Group, input: GuardInput, unsynced: ReadonlyMap<Key, Wait> = new Map()) {
    this.#unsynced = unsynced;
    this.#group = group;
    this.#input = input;
    this.#quorum = new QuorumMargins(group.network.id, input);
  }

  /** Why a Ready validator must wait for the others of its group. One that is down need not wait. */
  wait(candidate: Candidate): Wait | undefined {
    if (candidate.kind !== 'bump') return undefined;
    const { settings, nowMs } = this.#input;
    return (
      namespaceWait(candidate.validator.namespace, this.#unsynced) ??
      this.#nodeWait(candidate) ??
      asWait(this.#unavailable(candidate)) ??
      asWait(this.quorum(candidate).hold) ??
      this.#minReadyWait(candidate) ??
      ageWait(candidate.pods, settings, nowMs) ??
      asWait(this.#budgetReason(candidate))
    );
  }

  /** The rule of the group that forbids the restart, apart from how long the others have been Ready. */
  forbids(candidate: Candidate): Reason | undefined {
    return (
      this.#nodeWait(candidate)?.reason ??
      this.#unavailable(candidate) ??
      this.quorum(candidate).hold ??
      this.#budgetReason(candidate)
    );
  }

  quorum({ kind, validator }: Candidate): QuorumVerdict {
    if (kind !== 'bump') return {};
    const { world, settings } = this.#input;
    const verdict = quorumVerdict(validator, this.#quorum.of(validator), world, settings);
    return verdict.hold ? verdict : { ...verdict, ...fragileVerdict(validator, this.#input) };
  }

  #unavailable({ validator }: Candidate): Reason | undefined {
    return unavailableReason(validator.key, this.#unavailability(), this.#input.settings);
  }

  remark(candidate: Candidate): Reason | undefined {
    if (candidate.kind !== 'bump') return undefined;
    const [unplaced] = this.#unplaced();
    return unplaced ? noNode(unplaced) : this.quorum(candidate).remark;
  }

  #nodeWait({ validator }: Candidate): Wait | undefined {
    const { nowMs, settings } = this.#input;
    const { progressDeadlineMs } = settings;
    return unplacedWait(this.#unplaced(), validator, { nowMs, progressDeadlineMs });
  }

  #budgetReason({ validator, statefulSet }: Candidate): Reason | undefined {
    return forbiddingBudget(validator, podsOf(this.#input.world, statefulSet), this.#input);
  }

  #minReadyWait({ validator }: Candidate): Wait | undefined {
    return this.#youngest().find(({ key }) => key !== validator.key)?.wait;
  }

  /** The validators of the group that have not been Ready for long enough, and their waits; the longest first. */
  #readyLastFirst(): ReadonlyArray<{ readonly key: Key; readonly wait: Wait }> {
    const { world, discovery, settings, readyForMs } = this.#input;
    const found: Array<{ readonly key: Key; readonly leftMs: number }> = [];
    for (const { key, budget } of this.#group.validators) {
      const statefulSet = discovery.statefulSetOf.get(key);
      if (!statefulSet || statefulSet.replicas === 0) continue;
      // The budget was checked before, so a validator that is down is within it.
      if (this.#unavailability().down.has(key) || budget === UNCOUNTED) continue;
      const leftMs = settings.minReadyMs - Math.min(...podsOf(world, statefulSet).map(readyForMs));
      if (leftMs > 0) found.push({ key, leftMs });
    }
    found.sort((a, b) => b.leftMs - a.leftMs);
    return found.map(({ key, leftMs }) => {
      return { key, wait: { reason: reason('WaitingForMinReady', key), releasedInMs: leftMs } };
    });
  }
}
