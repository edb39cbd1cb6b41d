/**
 * How many more validators may go down before a quorum set falls short. Pure.
 *
 *   the whole set         tolerance − other members of the unit that are down − members that only the set knows
 *   a home domain of n    n − threshold − its other members that are down − members that only the set knows; if n ≥ 3
 *
 * The smallest margin of all readable sets of the unit decides. `quorum-units.ts` defines the units.
 */

import type { QuorumSet } from '../../../peers/core/quorum-set.ts';
import type { Cluster, Group } from '../../../peers/discovery/discover.ts';
import { readExternals } from '../../../peers/discovery/external.ts';
import { lazy } from '../../../peers/lazy.ts';
import { firstThree } from '../../../peers/lists.ts';
import { atOnce } from '../../../peers/steps.ts';
import type { Key, Validator } from '../../../peers/world.ts';
import { type QuorumSeat, quorumOf, seatsOf, setIn } from './quorum-units.ts';

/** For a smaller home domain, only the whole set counts. */
const DOMAIN_SIZE_MIN = 3;

/** The home domains of one namespace whose margins are computed: each takes a look at the whole network. */
const DOMAINS_MAX = 50;
const TOO_MANY = { problem: `its namespace has more than ${DOMAINS_MAX} home domains`, isUnchecked: true };

/** One rule: `bears` validators may be down in total. `down` and `absent` ones count. */
interface Rule {
  readonly bears: number;
  readonly down: ReadonlySet<Key>;
  /** Members that only the set knows, which count as down. */
  readonly absent: number;
  /** The home domain that must keep its vote; undefined for a rule about the whole set. */
  readonly homeDomain: string | undefined;
}

/** The margin that the quorum sets leave to a validator. */
export interface QuorumMargin {
  /** How many more may go down, the validator itself included; undefined if no set can be read. */
  readonly left: number | undefined;
  /** How many may be down by the rule that decides; undefined if no set can be read. */
  readonly bears: number | undefined;
  readonly homeDomain: string | undefined;
  readonly absent: number;
  /** How many others are down, and the first of them. */
  readonly down: number;
  readonly others: readonly Key[];
  readonly isDown: boolean;
  /** An unreadable set in the validator's own namespace. */
  readonly unknown: Unknown | undefined;
  /** An unreadable set of the validator's home domain in another namespace, which may belong to a stranger. */
  readonly unknownAbroad: Unknown | undefined;
}

/** A validator whose set is needed, and why it is not known. */
interface Unknown {
  readonly node: Key;
  readonly problem: string;
  /** True if no rule was looked at at all, so that those that could be read forbid nothing either. */
  readonly isUnchecked?: boolean;
}

interface Unit extends Pick<QuorumMargin, 'unknown' | 'unknownAbroad'> {
  readonly rules: readonly Rule[];
}

/** The margins of the validators of one network. Each is computed at its first use. */
export class QuorumMargins {
  readonly #input: Cluster;
  readonly #networkId: string;
  /** By namespace and home domain: validators of the same two have the same margin, apart from themselves. */
  readonly #units = new Map<string, Map<string | undefined, Unit>>();
  readonly #seats = lazy(() => seatsOf(this.#networkId, this.#input));
  readonly #byHand = lazy(() => new Set(this.#seats().flatMap(({ named }) => [...named])).size);

  constructor(networkId: string, input: Cluster) {
    this.#networkId = networkId;
    this.#input = input;
  }

  of(validator: Validator): QuorumMargin {
    const { rules, ...unread } = this.#unitOf(validator);
    const { key } = validator;
    const [least] = rules.toSorted((a, b) => leftOf(a, key) - leftOf(b, key));
    if (!least) return { ...NO_RULE, ...unread };
    const { bears, absent, homeDomain, down } = least;
    const others = {
      down: othersDown(down, key),
      others: firstThree(down, (each) => each !== key),
      isDown: down.has(key),
    };
    return { left: leftOf(least, key), bears, absent, homeDomain, ...unread, ...others };
  }

  #unitOf(validator: Validator): Unit {
    const { key, namespace } = validator;
    const homeDomain = setIn(quorumOf(validator))?.homeDomain;
    const units = this.#units.get(namespace) ?? new Map<string | undefined, Unit>();
    this.#units.set(namespace, units);
    const known = units.get(homeDomain);
    if (known) return known;
    if (units.size >= DOMAINS_MAX)
      return { rules: [], unknown: { node: key, ...TOO_MANY }, unknownAbroad: undefined };
    const unit = this.#makeUnit(validator, homeDomain);
    units.set(homeDomain, unit);
    return unit;
  }

  #makeUnit({ namespace, network }: Validator, homeDomain: string | undefined): Unit {
    const own = { namespace, homeDomain };
    const seats = this.#seats().filter((seat) => isOneUnit(seat, own, network.isPublic));
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

/** The smallest margin of a group's validators; undefined if no set can be read, or a needed one cannot. */
export const leastLeft = (group: Group, input: Cluster): Least | undefined =>
  atOnce(leastSteps(group, input));

interface Least {
  readonly left: number;
  readonly bears: number;
}

/** Like leastLeft, with one validator in each step: each home domain takes a look at all of the network, and tenants add some. */
export function* leastSteps(group: Group, input: Cluster): Generator<undefined, Least | undefined> {
  const margins = new QuorumMargins(group.network.id, input);
  let least: Least | undefined;
  for (const validator of group.validators) {
    // A validator without a StatefulSet is never restarted. Skipped, so that a tenant's many StellarNodes cost no time
    // here.
    if (!input.discovery.statefulSetOf.has(validator.key)) continue;
    const { left, bears, unknown, isDown } = margins.of(validator);
    if (left === undefined || bears === undefined || unknown) return undefined;
    const now = left - Number(isDown);
    if (!least || now < least.left) least = { left: now, bears };
    yield;
  }
  return least;
}

type Own = Pick<QuorumSeat, 'namespace' | 'homeDomain'>;

function isOneUnit(seat: QuorumSeat, own: Own, isPublic: boolean): boolean {
  if (!seat.isMember) return seat.namespace === own.namespace;
  // On a private network all count, since the whole set counts other home domains too. On a public one my namespace
  // counts, because I can repair it, and so does my home domain.
  return !isPublic || seat.namespace === own.namespace || isNear(seat, own);
}

/** True for the same home domain. If one of the two does not give its own, true for the same namespace. */
const isNear = (seat: QuorumSeat, own: Own): boolean =>
  seat.homeDomain === undefined || own.homeDomain === undefined
    ? seat.namespace === own.namespace
    : seat.homeDomain === own.homeDomain;

function unknownIn(seats: readonly QuorumSeat[]): Unknown | undefined {
  for (const { key, reading } of seats)
    if (reading && 'problem' in reading) return { node: key, problem: reading.problem };
  return undefined;
}

interface Known {
  /** How many validators the sets by hand name together. stellar-core counts itself only if its own set names it. */
  readonly byHand: number;
  readonly here: number;
  /** Entries of the list of external peers. */
  readonly outside: number;
}

/** The strictest rule of the whole sets, and of the home domains. `known` is undefined on a public network. */
function rulesOf(seats: readonly QuorumSeat[], own: Own, known: Known | undefined): Rule[] {
  const down = downOf(seats);
  const near = seats.filter((seat) => isNear(seat, own));
  const nearDown = downOf(near);
  // Members without a known home domain, and external peers, may belong to any home domain.
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

/** How many members are known only from quorum sets, limited to those that this set may name. */
const absentOf = ({ leaves }: QuorumSet, { byHand, here, outside }: Known): number =>
  Math.min(leaves, Math.max(0, Math.max(leaves, byHand) - here - outside));

/** The rules of one kind differ only in `bears` and `absent`. */
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

const leftOf = ({ bears, down, absent }: Rule, node: Key): number => bears - absent - othersDown(down, node);

const othersDown = (down: ReadonlySet<Key>, node: Key): number => down.size - Number(down.has(node));
