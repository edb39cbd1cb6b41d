/**
 * Limits how many members of a group may be listed as peers, so that one namespace cannot take all the places. Pure.
 */
import type { Member } from '../discovery/members.ts';
import { byText, type Key } from '../world.ts';

/** More than the lists of validators that fit into the ConfigMap of one namespace. */
export const NAMESPACE_MEMBERS_MAX = 1_000;
/** Bounds the lists of a group when many namespaces grow together. */
export const GROUP_MEMBERS_MAX = 5_000;

/** The facts that decide which members of a group that is too large are listed. */
export interface Seniority {
  readonly runs: boolean;
  /** When its StellarNode was created. */
  readonly sinceMs: number;
}

export interface Shares {
  /** Members that may be listed as peers, in order of identity. */
  readonly listed: readonly Member[];
  /** How many members of a StellarNode may not be listed. */
  readonly cut: ReadonlyMap<Key, number>;
}

/** A member with the facts by which it is sorted. */
interface Ranked extends Seniority {
  readonly member: Member;
  rankInNamespace: number;
}

const NONE: ReadonlyMap<Key, number> = new Map();

/** At most 1,000 members of each namespace and 5,000 in all: running ones, then the oldest, namespaces in turn. */
export function sharesOf(members: readonly Member[], seniorityOf: (member: Member) => Seniority): Shares {
  if (members.length <= NAMESPACE_MEMBERS_MAX) return { listed: members, cut: NONE };
  const ranked = members.map((member): Ranked => ({ member, rankInNamespace: 0, ...seniorityOf(member) }));
  const chosen = [...Map.groupBy(ranked, ({ member }) => member.namespace).values()].flatMap(
    firstOfNamespace,
  );
  if (chosen.length > GROUP_MEMBERS_MAX) chosen.sort(byRank);
  const kept = new Set(chosen.slice(0, GROUP_MEMBERS_MAX).map(({ member }) => member));
  if (kept.size === members.length) return { listed: members, cut: NONE };
  const cut = new Map<Key, number>();
  for (const { node } of members.filter((member) => !kept.has(member))) {
    cut.set(node, (cut.get(node) ?? 0) + 1);
  }
  return { listed: members.filter((member) => kept.has(member)), cut };
}

function firstOfNamespace(own: Ranked[]): Ranked[] {
  own.sort(bySeniority);
  for (const [rank, each] of own.entries()) each.rankInNamespace = rank;
  return own.slice(0, NAMESPACE_MEMBERS_MAX);
}

const byRunning = (a: Ranked, b: Ranked): number => Number(b.runs) - Number(a.runs);
const bySeniority = (a: Ranked, b: Ranked): number =>
  byRunning(a, b) || a.sinceMs - b.sinceMs || byText(a.member.identity, b.member.identity);
const byRank = (a: Ranked, b: Ranked): number =>
  byRunning(a, b) || a.rankInNamespace - b.rankInNamespace || bySeniority(a, b);
