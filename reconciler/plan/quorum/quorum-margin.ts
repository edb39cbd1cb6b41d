/**
 * How many more validators may go down before a quorum set falls short. Pure.
 *
 *   the whole set   tolerance − others of the unit that are down − members that only the set knows
 *   a home domain   of 3 or more, n − threshold − its others that are down − those that only the set knows
 *
 * The least of all readable sets of the unit decides; `quorum-units.ts` says who is of one unit.
 */

import type { QuorumSet } from '../../../peers/core/quorum-set.ts';
import type { Discovery, Group } from '../../../peers/discovery/discover.ts';
import { readExternals } from '../../../peers/discovery/external.ts';
import type { Key, Validator, World } from '../../../peers/world.ts';
import { type QuorumSeat, quorumOf, seatsOf, setIn } from './quorum-units.ts';

/** A home domain of fewer validators is judged by the whole set alone. */
const DOMAIN_SIZE_MIN = 3;

/** One rule: `bears` of these seats may be down, as long as no other is missing. */
interface Rule {
  readonly bears: number;
  readonly down: ReadonlySet<Key>;
  /** Members that only the set knows, which count as down. */
  readonly absent: number;
  /** The home domain that must keep its vote; undefined where the whole set is judged. */
  readonly homeDomain: string | undefined;
}

/** What the quorum sets leave a validator. */
export interface QuorumMargin {
  /** How many more may go down, the validator itself included; undefined where no set can be read. */
  readonly left: number | undefined;
  /** How many the rule that decides bears down; undefined where no set can be read. */
  readonly bears: number | undefined;
  readonly homeDomain: string | undefined;
  readonly absent: number;
  /** How many others are down, and the first of them. */
  readonly down: number;
  readonly others: readonly Key[];
  /** Whether the validator itself is down. */
  readonly isDown: boolean;
  /** Of the own namespace. */
  readonly unknown: Unknown | undefined;
  /** The same of the own home domain in another namespace, whose owner may be a stranger. */
  readonly unknownAbroad: Unknown | undefined;
}

/** A validator whose set would have to be read, and why it cannot be. */
interface Unknown {
  readonly node: Key;
  readonly problem: string;
}

interface MarginInput {
  readonly world: World;
  readonly discovery: Discovery;
}

interface Unit extends Pick<QuorumMargin, 'unknown' | 'unknownAbroad'> {
  readonly rules: readonly Rule[];
}

/** The margins of the validators of one network, made when they are asked for. */
export class QuorumMargins {
  readonly #input: MarginInput;
  readonly #networkId: string;
  readonly #units = new Map<string, Unit>();
  #seats: readonly QuorumSeat[] | undefined;
  #namedByHand: number | undefined;

  constructor(networkId: string, input: MarginInput) {
    this.#networkId = networkId;
    this.#input = input;
  }

  /** What one more restart of the validator would find. */
  of(validator: Validator): QuorumMargin {
    const { rules, ...unread } = this.#unitOf(validator);
    const { key } = validator;
    const [least] = rules.toSorted((a, b) => leftOf(a, key) - leftOf(b, key));
    if (!least) return { ...NO_RULE, ...unread };
    const { bears, absent, homeDomain, down } = least;
    const others = { down: othersDown(down, key), others: firstOf(down, key), isDown: down.has(key) };
    return { left: leftOf(least, key), bears, absent, homeDomain, ...unread, ...others };
  }

  #unitOf(validator: Validator): Unit {
    const homeDomain = setIn(quorumOf(validator))?.homeDomain;
    // Validators that agree in these have the same margin, but for themselves.
    const name = JSON.stringify([validator.namespace, homeDomain]);
    const unit = this.#units.get(name) ?? this.#makeUnit(validator, homeDomain);
    this.#units.set(name, unit);
    return unit;
  }

  #makeUnit({ namespace, network }: Validator, homeDomain: string | undefined): Unit {
    this.#seats ??= seatsOf(this.#networkId, this.#input);
    const own = { namespace, homeDomain };
    const seats = this.#seats.filter((seat) => isOneUnit(seat, own, network.isPublic));
    const outside = readExternals(this.#input.world.external).byNetwork.get(network.id)?.length ?? 0;
    const here = seats.filter(({ isMember }) => isMember).length;
    const isAbroad = (seat: QuorumSeat) => seat.namespace !== namespace && seat.homeDomain === homeDomain;
    const known = network.isPublic ? undefined : { byHand: this.#byHand(), here, outside };
    return {
      rules: rulesOf(seats, own, known),
      unknown: unknownIn(seats.filter((seat) => seat.namespace === namespace)),
      unknownAbroad: homeDomain === undefined ? undefined : unknownIn(seats.filter(isAbroad)),
    };
  }

  #byHand(): number {
    this.#namedByHand ??= namedByHand(this.#seats ?? []);
    return this.#namedByHand;
  }
}

const NO_RULE = {
  left: undefined,
  bears: undefined,
  homeDomain: undefined,
  absent: 0,
  down: 0,
  others: [],
  isDown: false,
} as const;

/**
 * The least margin of a group's validators, as it is before any of them goes down; undefined where none can be read, or
 * one that would have to be.
 */
export function leastLeft(
  group: Group,
  input: MarginInput,
): { readonly left: number; readonly bears: number } | undefined {
  const margins = new QuorumMargins(group.network.id, input);
  let least: { readonly left: number; readonly bears: number } | undefined;
  for (const validator of group.validators) {
    // One without a StatefulSet is never restarted: as many as a tenant writes of these cost no time here.
    if (!input.discovery.statefulSetOf.has(validator.key)) continue;
    const { left, bears, unknown, isDown } = margins.of(validator);
    if (left === undefined || bears === undefined || unknown) return undefined;
    const now = left - Number(isDown);
    if (!least || now < least.left) least = { left: now, bears };
  }
  return least;
}

type Own = Pick<QuorumSeat, 'namespace' | 'homeDomain'>;

function isOneUnit(seat: QuorumSeat, own: Own, isPublic: boolean): boolean {
  if (!seat.isMember) return seat.namespace === own.namespace;
  // The whole set counts those of other home domains too; what happens in my namespace I can mend.
  return !isPublic || seat.namespace === own.namespace || isNear(seat, own);
}

/** Of the same home domain; where one of both does not say its own, of the same namespace. */
const isNear = (seat: QuorumSeat, own: Own): boolean =>
  seat.homeDomain === undefined || own.homeDomain === undefined
    ? seat.namespace === own.namespace
    : seat.homeDomain === own.homeDomain;

function unknownIn(seats: readonly QuorumSeat[]): Unknown | undefined {
  for (const { key, reading } of seats)
    if (reading && 'problem' in reading) return { node: key, problem: reading.problem };
  return undefined;
}

/** How many validators of a private network are known. */
interface Known {
  /** Whom the sets by hand name together: stellar-core counts itself only where its own set names it. */
  readonly byHand: number;
  readonly here: number;
  /** Entries of the list of external peers. */
  readonly outside: number;
}

/** The strictest of the whole sets, and of the home domains. `known` is undefined on a public network. */
function rulesOf(seats: readonly QuorumSeat[], own: Own, known: Known | undefined): Rule[] {
  const down = downOf(seats);
  const near = seats.filter((seat) => isNear(seat, own));
  const nearDown = downOf(near);
  // Members whose home domain is not known, and those outside, may be any.
  const neighbours = near.filter(({ homeDomain }) => homeDomain !== undefined).length;
  const perhaps = seats.filter(({ homeDomain, isMember }) => isMember && homeDomain === undefined).length;
  const rules = seats.flatMap(({ reading, homeDomain }): Rule[] => {
    const set = setIn(reading);
    if (!set) return [];
    const absent = known ? absentOf(set, known) : 0;
    const whole: Rule = { bears: set.tolerance, down, absent, homeDomain: undefined };
    const domain = own.homeDomain === homeDomain ? domainOf(set) : undefined;
    if (!domain) return [whole];
    const missing = known ? Math.max(0, domain.size - neighbours - perhaps - known.outside) : 0;
    return [whole, { bears: domain.size - domain.threshold, down: nearDown, absent: missing, homeDomain }];
  });
  const [wholes, domains] = [undefined, own.homeDomain].map((name) =>
    rules.filter(({ homeDomain }) => homeDomain === name),
  );
  return [...strictest(wholes), ...(own.homeDomain === undefined ? [] : strictest(domains))];
}

/** Members that only quorum sets know, and that this one may name. */
const absentOf = ({ leaves }: QuorumSet, { byHand, here, outside }: Known): number =>
  Math.min(leaves, Math.max(0, Math.max(leaves, byHand) - here - outside));

const namedByHand = (seats: readonly QuorumSeat[]): number =>
  new Set(seats.flatMap(({ named }) => [...named])).size;

/** They differ in what they bear and who is absent only. */
function strictest(rules: readonly Rule[] = []): Rule[] {
  const [first, ...rest] = rules;
  if (!first) return [];
  return [
    rest.reduce(
      (least, rule) => (rule.bears - rule.absent < least.bears - least.absent ? rule : least),
      first,
    ),
  ];
}

const domainOf = ({ ownDomain }: QuorumSet): QuorumSet['ownDomain'] =>
  ownDomain && ownDomain.size >= DOMAIN_SIZE_MIN ? ownDomain : undefined;

const downOf = (seats: readonly QuorumSeat[]): ReadonlySet<Key> =>
  new Set(seats.filter(({ isDown }) => isDown).map(({ key }) => key));

/** How many more may go down, `node` itself included. */
const leftOf = ({ bears, down, absent }: Rule, node: Key): number => bears - absent - othersDown(down, node);

const othersDown = (down: ReadonlySet<Key>, node: Key): number => down.size - Number(down.has(node));

const SHOWN = 3;

/** The first of those down beside `node`; a network may have thousands. */
function firstOf(down: ReadonlySet<Key>, node: Key): Key[] {
  const first: Key[] = [];
  for (const key of down) {
    if (first.length === SHOWN) break;
    if (key !== node) first.push(key);
  }
  return first;
}
