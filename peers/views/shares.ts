/**
 * How many members of a group may stand in the lists of others: a namespace cannot take all of it by numbers. Pure.
 */
import type { Member } from '../discovery/members.ts';
import { byText, type Key } from '../world.ts';

/** More validators than one namespace's ConfigMap has lists for. */
export const NAMESPACE_MEMBERS_MAX = 1_000;
/** As many as we are made for in one cluster. */
export const GROUP_MEMBERS_MAX = 5_000;

/** What a member's place depends on. */
export interface Seniority {
  readonly runs: boolean;
  /** When its StellarNode was created. */
  readonly sinceMs: number;
}

export interface Shares {
  /** Those that may stand in lists, in order of identity. */
  readonly listed: readonly Member[];
  /** How many members of a StellarNode may not. */
  readonly cut: ReadonlyMap<Key, number>;
}

/** A member with what decides: its turn is its place within its namespace. */
interface Ranked extends Seniority {
  readonly member: Member;
  turn: number;
}

const NONE: ReadonlyMap<Key, number> = new Map();

/**
 * At most 1,000 of each namespace, then at most 5,000 in all: those that run before those that do not, each namespace in
 * turn, older ones before younger.
 */
export function sharesOf(members: readonly Member[], seniorityOf: (member: Member) => Seniority): Shares {
  if (members.length <= NAMESPACE_MEMBERS_MAX) return { listed: members, cut: NONE };
  const ranked = members.map((member): Ranked => ({ member, turn: 0, ...seniorityOf(member) }));
  const chosen = [...Map.groupBy(ranked, ({ member }) => member.namespace).values()].flatMap(inTurn);
  if (chosen.length > GROUP_MEMBERS_MAX) chosen.sort(byTurn);
  const kept = new Set(chosen.slice(0, GROUP_MEMBERS_MAX).map(({ member }) => member));
  if (kept.size === members.length) return { listed: members, cut: NONE };
  const cut = new Map<Key, number>();
  for (const { node } of members.filter((member) => !kept.has(member))) {
    cut.set(node, (cut.get(node) ?? 0) + 1);
  }
  return { listed: members.filter((member) => kept.has(member)), cut };
}

/** The first of one namespace. */
function inTurn(own: Ranked[]): Ranked[] {
  own.sort(bySeniority);
  for (const [turn, each] of own.entries()) each.turn = turn;
  return own.slice(0, NAMESPACE_MEMBERS_MAX);
}

const byRunning = (a: Ranked, b: Ranked): number => Number(b.runs) - Number(a.runs);
const bySeniority = (a: Ranked, b: Ranked): number =>
  byRunning(a, b) || a.sinceMs - b.sinceMs || byText(a.member.identity, b.member.identity);
const byTurn = (a: Ranked, b: Ranked): number => byRunning(a, b) || a.turn - b.turn || bySeniority(a, b);
