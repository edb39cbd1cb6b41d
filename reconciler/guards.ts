/**
 * What keeps a restart waiting that the validator itself would allow: the rest of its group, and time. Pure.
 *
 *   the journal has an open restart       → everybody waits (InFlight), for ever if need be (Stalled)
 *   a restart came back uninjected        → the group is stopped (NotInjected)
 *   windows, the hour's limit, quiet      → everybody waits
 *   a Ready pod                           → only if all others are up, and have been for long enough
 */
import type { Group } from '../peers/discover.ts';
import { podsOf } from '../peers/pods.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import type { Key, PdbFacts } from '../peers/world.ts';
import { forbiddingBudget, readySinceMs, UNCOUNTED } from './availability.ts';
import type { Candidate, CandidateInput } from './candidate.ts';
import { type Entry, openEntries } from './journal.ts';
import {
  type Margin,
  type MarginSettings,
  marginOf,
  type QuorumVerdict,
  quorumVerdict,
  unavailableReason,
} from './margin.ts';
import { ageWait, type PaceSettings, paceWait, type Wait } from './pace.ts';

export interface GuardSettings extends MarginSettings, PaceSettings {
  readonly minReadyMs: number;
  readonly stabilizationMs: number;
  /** However long changes go on, they are not awaited for longer. */
  readonly stabilizationMsMax: number;
  readonly progressDeadlineMs: number;
}

/** For how long the membership of a group has been unchanged, and how long the changes before went on, in ms. */
export interface Quiet {
  readonly quietMs: number;
  readonly changingMs: number;
}

export interface GuardInput extends Omit<CandidateInput, 'group' | 'settings'> {
  readonly settings: CandidateInput['settings'] & GuardSettings;
  readonly quiet: (group: string) => Quiet;
}

/** The restart that is under way in a group, as its others and it itself wait for it. */
export function inFlight(entries: readonly Entry[], { nowMs, settings }: GuardInput): Wait | undefined {
  const [open] = openEntries(entries);
  if (!open) return undefined;
  const leftMs = open.atMs + settings.progressDeadlineMs - nowMs;
  if (leftMs > 0) return { reason: reason('InFlight', open.statefulSet), releasedInMs: leftMs };
  const since = new Date(open.atMs).toISOString();
  return { reason: reason('Stalled', `${open.statefulSet}, since ${since}`) };
}

/** What stops the whole group, beside what is under way. */
export function groupWait(
  group: Group,
  entries: readonly Entry[],
  candidates: readonly Candidate[],
  input: GuardInput,
): Wait | undefined {
  const failed = uninjectedAfterRestart(entries, candidates);
  if (failed !== undefined) return { reason: reason('NotInjected', failed) };
  const { settings, nowMs } = input;
  return stabilizing(input.quiet(group.key), settings) ?? paceWait(entries, settings, nowMs);
}

function stabilizing(
  { quietMs, changingMs }: Quiet,
  { stabilizationMs, stabilizationMsMax }: GuardSettings,
): Wait | undefined {
  const leftMs = Math.min(stabilizationMs - quietMs, stabilizationMsMax - (changingMs + quietMs));
  return leftMs > 0 ? { reason: reason('Stabilizing'), releasedInMs: leftMs } : undefined;
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

/** What a group's Ready validators are measured against; worked out once a plan, where anybody asks. */
export class GroupGuard {
  readonly #group: Group;
  readonly #input: GuardInput;
  #margin: Margin | undefined;
  #budgets: ReadonlyMap<string, readonly PdbFacts[]> | undefined;
  #youngest: ReadonlyArray<{ readonly key: Key; readonly wait: Wait }> | undefined;

  constructor(group: Group, input: GuardInput) {
    this.#group = group;
    this.#input = input;
  }

  /** Why a Ready validator must wait for the others of its group; one that is down already need not. */
  wait(candidate: Candidate): Wait | undefined {
    if (candidate.kind !== 'bump') return undefined;
    const { settings, nowMs } = this.#input;
    const { key } = candidate.validator;
    return (
      asWait(unavailableReason(key, this.#marginNow(), settings)) ??
      asWait(this.quorum(candidate).hold) ??
      this.#minReadyWait(candidate) ??
      ageWait(candidate.pods, settings, nowMs) ??
      asWait(this.#budgetReason(candidate))
    );
  }

  /** What the quorum sets say of a restart that takes a validator down. */
  quorum({ kind, validator }: Candidate): QuorumVerdict {
    if (kind !== 'bump') return {};
    return quorumVerdict(validator.key, this.#marginNow(), this.#input.settings);
  }

  #marginNow(): Margin {
    this.#margin ??= marginOf(this.#group, this.#input);
    return this.#margin;
  }

  #budgetReason({ validator, statefulSet }: Candidate): Reason | undefined {
    const { world } = this.#input;
    this.#budgets ??= Map.groupBy(world.pdbs.values(), ({ namespace }) => namespace);
    const budgets = this.#budgets.get(validator.namespace) ?? [];
    return forbiddingBudget(budgets, validator, podsOf(world, statefulSet));
  }

  #minReadyWait({ validator }: Candidate): Wait | undefined {
    this.#youngest ??= this.#readyLastFirst();
    return this.#youngest.find(({ key }) => key !== validator.key)?.wait;
  }

  /** Who of the group has not been Ready for long enough, and the wait for each of them; the longest first. */
  #readyLastFirst(): ReadonlyArray<{ readonly key: Key; readonly wait: Wait }> {
    const { world, discovery, settings, nowMs } = this.#input;
    const found: Array<{ readonly key: Key; readonly leftMs: number }> = [];
    for (const { key, budget } of this.#group.validators) {
      const statefulSet = discovery.statefulSetOf.get(key);
      if (!statefulSet || statefulSet.replicas === 0) continue;
      // One that is down and still passed is within the budget.
      if (this.#marginNow().down.has(key) || budget === UNCOUNTED) continue;
      // The API server writes whole seconds: counted from the end of that second, it is never too early.
      const leftMs = readySinceMs(world, statefulSet) + SECOND_MS + settings.minReadyMs - nowMs;
      if (leftMs > 0) found.push({ key, leftMs });
    }
    found.sort((a, b) => b.leftMs - a.leftMs);
    return found.map(({ key, leftMs }) => {
      return { key, wait: { reason: reason('WaitingForMinReady', key), releasedInMs: leftMs } };
    });
  }
}

/** Resolution of Kubernetes timestamps. */
const SECOND_MS = 1_000;

const asWait = (why: Reason | undefined): Wait | undefined => why && { reason: why };
