/**
 * How much of a group may be down: the budget, and the quorum below it. Pure.
 *
 *   a validator is …                        | in the budget                      | in the quorum margin
 *   ----------------------------------------|------------------------------------|---------------------
 *   up                                      |                                    |
 *   marked uncounted                        |                                    |
 *   suspended, or never Ready so far        | down unless the margin is held     | down
 *   down in any other way                   | down                               | down
 */
import type { Group } from '../peers/discover.ts';
import { toleranceOf } from '../peers/quorum-set.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import type { Key, Validator } from '../peers/world.ts';
import { type Down, downBecause, UNCOUNTED } from './availability.ts';
import type { CandidateInput } from './candidate.ts';

/** `MAX_UNAVAILABLE`: a number of validators, or a percentage of those that count. */
interface Limit {
  readonly value: number;
  readonly isPercent: boolean;
}

export interface MarginSettings {
  readonly maxUnavailable: Limit;
  readonly quorumCheck: 'hold' | 'warn' | 'off';
}

/** Who of a group is down, and how many more its quorum sets could bear; made once a plan. */
export interface Margin {
  readonly down: ReadonlyMap<Key, Down>;
  /** Those of them that somebody expects up. */
  readonly wentDown: ReadonlyMap<Key, Down>;
  /** Validators that count in the budget. */
  readonly counted: number;
  /** The smallest tolerance of any quorum set of the group; undefined where one cannot be read. */
  readonly tolerance: number | undefined;
  /** A StellarNode whose quorum set cannot be read. */
  readonly unreadable: Key | undefined;
}

type MarginInput = Pick<CandidateInput, 'world' | 'discovery'>;

/** A quorum set is parsed once, until its StellarNode changes. */
const tolerances = new WeakMap<Validator, number | undefined>();

/** How many of its quorum set's members may be down; undefined where that cannot be read. */
export function toleranceOfValidator(validator: Validator): number | undefined {
  if (!tolerances.has(validator)) {
    const { quorumSet } = validator;
    tolerances.set(validator, quorumSet === undefined ? undefined : toleranceOf(quorumSet));
  }
  return tolerances.get(validator);
}

/** The margin of one group as the world is now. */
export function marginOf(group: Group, { world, discovery }: MarginInput): Margin {
  const down = new Map<Key, Down>();
  const wentDown = new Map<Key, Down>();
  let tolerance = Number.POSITIVE_INFINITY;
  let unreadable: Key | undefined;
  for (const validator of group.validators) {
    const found = downBecause(world, validator, discovery.statefulSetOf.get(validator.key));
    if (found) down.set(validator.key, found);
    if (found && !found.expected) wentDown.set(validator.key, found);
    const own = toleranceOfValidator(validator);
    if (own === undefined) unreadable ??= validator.key;
    else tolerance = Math.min(tolerance, own);
  }
  const counted = group.validators.filter(({ budget }) => budget !== UNCOUNTED).length;
  return { down, wentDown, counted, tolerance: unreadable === undefined ? tolerance : undefined, unreadable };
}

/** How many validators may be down at a time; a percentage is rounded down, but to no less than one. */
function allowedDown({ value, isPercent }: Limit, counted: number): number {
  if (!isPercent) return value;
  return value === 0 ? 0 : Math.max(1, Math.floor((counted * value) / 100));
}

// A group may have thousands of candidates and as many down: none of them looks at all of the others.
const countOthers = (down: ReadonlyMap<Key, Down>, node: Key): number => down.size - (down.has(node) ? 1 : 0);

/** The first three of those down beside `node`. */
function firstOthers(down: ReadonlyMap<Key, Down>, node: Key): Array<readonly [Key, Down]> {
  const first: Array<readonly [Key, Down]> = [];
  for (const entry of down) {
    if (first.length === 3) break;
    if (entry[0] !== node) first.push(entry);
  }
  return first;
}

/** Why one more of the group must not go down, beside `node` itself; undefined if it may. */
export function unavailableReason(
  node: Key,
  margin: Margin,
  { maxUnavailable, quorumCheck }: MarginSettings,
): Reason | undefined {
  const inMarginOnly = margin.tolerance !== undefined && quorumCheck === 'hold';
  const down = inMarginOnly ? margin.wentDown : margin.down;
  const others = countOthers(down, node);
  const allowed = allowedDown(maxUnavailable, margin.counted);
  if (others + 1 <= allowed) return undefined;
  const named = firstOthers(down, node).map(([key, { why }]) => `${key} is ${why}`);
  const shown = others > named.length ? [...named, `${others - named.length} more`] : named;
  const detail = shown.length > 0 ? shown.join(', ') : 'MAX_UNAVAILABLE is 0';
  return reason('WaitingForUnavailable', detail);
}

/** What the quorum sets say of `node` going down too. */
export interface QuorumVerdict {
  readonly hold?: Reason;
  /** Shown, not held. */
  readonly remark?: Reason;
}

/** Whether the group's quorum would bear `node` down too: one more than what is down must be tolerated. */
export function quorumVerdict(node: Key, margin: Margin, { quorumCheck }: MarginSettings): QuorumVerdict {
  if (quorumCheck === 'off') return {};
  const { tolerance, unreadable } = margin;
  if (tolerance === undefined) return { remark: reason('QuorumUnknown', unreadable) };
  const others = countOthers(margin.down, node);
  if (tolerance - others >= 1) return {};
  const named = firstOthers(margin.down, node).map(([key]) => key);
  const missing = others > 0 ? `, down already: ${named.join(', ')}` : '';
  const why = reason('QuorumMargin', `its quorum sets bear ${tolerance} down${missing}`);
  return quorumCheck === 'hold' ? { hold: why } : { remark: why };
}
