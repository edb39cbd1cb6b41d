/**
 * Decides whether a pod's admission waits for a new network. Pure; pending-reviews.ts does the waiting.
 *
 *   of the pod's validator …                            → the pod waits …
 *   caches or published view lack something (a)         → until they have it, or the time is up
 *   view complete, fewer than 8 peers, membership
 *     changed less than 1 s ago, group not calm (b)     → until it has been quiet for 1 s, or the time is up
 *   anything else, or no leader, or the budget is spent → not at all
 *
 * The time is up 3 s after the group's first held pod. For a minute after that, or after a wait for (b),
 * the group is calm: (b) no longer waits, (a) waits for up to 1.5 s, because a newcomer admitted milliseconds
 * after its StellarNode would start with an empty view and need a restart.
 */
import { viewHash } from '../../peers/hash.ts';
import type { Key } from '../../peers/world.ts';
import type { MembershipReader } from '../../runtime/kube/membership.ts';
import { type OwnerRef, ownerOf } from '../review/owner.ts';

/** stellar-core keeps this many outbound connections: a pod that knows as many lacks nothing. */
const ENOUGH_PEERS = 8;
const QUIET_MS = 1_000;
/** How long a group's first held pod, and so all of them, may wait. */
export const GROUP_HOLD_MS = 3_000;
const CALM_HOLD_MS = 1_500;
/** A published view that has been out of date for longer is not about to be published. */
const YOUNG_MS = 10_000;

/** The facts about a pod's validator that decide whether the pod waits. */
export interface HoldSubject {
  /** Key of its group; undefined while its StellarNode is not in the caches. */
  readonly group: string | undefined;
  /** True if its StellarNode and StatefulSet are in the caches. */
  readonly known: boolean;
  readonly view: 'current' | 'outdated' | 'missing';
  /** Peers in its published view. */
  readonly peers: number;
  /** Monotonic ms; undefined if the group's membership has not changed since start. */
  readonly changedAtMs: number | undefined;
}

export interface HoldState {
  readonly subject: HoldSubject;
  /** When this pod, and the first pod of its group, began to wait: monotonic ms. */
  readonly heldAtMs: number;
  readonly groupHeldAtMs: number;
  /** True if the group waited within the last minute, or the pod's group is not known. */
  readonly calm: boolean;
  /** The time that this process may still hold pods in this minute. */
  readonly budgetLeftMs: number;
  readonly leaderAlive: boolean;
}

export type HoldEnd = 'settled' | 'timeIsUp' | 'budgetSpent' | 'noLeader';
/** Condition (a) or (b) of the table above. */
export type WaitingFor = 'view' | 'members';
export type HoldDecision =
  | { readonly wait: true; readonly for: WaitingFor; readonly untilMs: number }
  | { readonly wait: false; readonly why: HoldEnd };

const go = (why: HoldEnd): HoldDecision => ({ wait: false, why });

/** Decides whether the pod waits at `nowMs` (monotonic), and until when if nothing changes. */
export function decideHold(state: HoldState, nowMs: number): HoldDecision {
  const need = needOf(state, nowMs);
  if (need === undefined) return go('settled');
  if (!state.leaderAlive) return go('noLeader');
  if (state.budgetLeftMs <= 0) return go('budgetSpent');
  if (nowMs >= deadlineOf(state)) return go('timeIsUp');
  const untilMs = Math.min(need.untilMs, deadlineOf(state), nowMs + state.budgetLeftMs);
  return { wait: true, for: need.for, untilMs };
}

const deadlineOf = ({ calm, heldAtMs, groupHeldAtMs }: HoldState): number =>
  calm ? heldAtMs + CALM_HOLD_MS : groupHeldAtMs + GROUP_HOLD_MS;

function needOf(
  { subject, calm }: HoldState,
  nowMs: number,
): { for: WaitingFor; untilMs: number } | undefined {
  const { known, view, peers, changedAtMs = Number.NEGATIVE_INFINITY } = subject;
  if (!known || view === 'missing') return { for: 'view', untilMs: Number.POSITIVE_INFINITY };
  const outdatedUntilMs = changedAtMs + YOUNG_MS;
  if (view === 'outdated' && nowMs < outdatedUntilMs) return { for: 'view', untilMs: outdatedUntilMs };
  const quietAtMs = changedAtMs + QUIET_MS;
  if (!calm && peers < ENOUGH_PEERS && nowMs < quietAtMs) return { for: 'members', untilMs: quietAtMs };
  return undefined;
}

const UNKNOWN: HoldSubject = {
  group: undefined,
  known: false,
  view: 'missing',
  peers: 0,
  changedAtMs: undefined,
};

/** The facts about the validator of `ref` now; undefined if there is nothing to wait for. */
export function holdSubjectOf(memberships: MembershipReader, ref: OwnerRef): HoldSubject | undefined {
  const owner = ownerOf(memberships.world, ref);
  if (owner.kind === 'none') return undefined;
  if (owner.kind === 'pending') return UNKNOWN;
  if (owner.validator.suspended) return undefined;
  const { key } = owner.validator;
  const discovery = memberships.discovery();
  const group = discovery.groupOf.get(key);
  if (group === undefined) return UNKNOWN;
  if (discovery.skipped.has(key)) return undefined;
  return {
    group,
    known: owner.kind === 'validator' && memberships.synced(),
    changedAtMs: memberships.membershipChanges(group)?.lastAtMs,
    ...viewOf(memberships, key),
  };
}

function viewOf(memberships: MembershipReader, node: Key): Pick<HoldSubject, 'view' | 'peers'> {
  const published = memberships.published(node);
  if (!published) return { view: 'missing', peers: 0 };
  const wanted = memberships.desired(node)?.view ?? [];
  const isCurrent = viewHash(wanted.map(({ identity }) => identity)) === published.hash;
  return { view: isCurrent ? 'current' : 'outdated', peers: published.digests.length };
}
