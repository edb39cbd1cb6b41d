/**
 * Whom each validator of one group ranks highest, kept up while members come and go: only whoever gains or loses one of
 * the heaviest is ranked again, where views.ts weighs everybody. What is remembered is only what would be worked out
 * again; that both say the same is tested.
 */
import type { Group, Member } from './discover.ts';
import {
  asWeight,
  digestNumber,
  digestOf,
  type Heavy,
  heavyInto,
  peerSeed,
  viewerSeed,
  weightOfSeeds,
} from './hash.ts';
import { byText, type Key } from './world.ts';

/** A viewer's heaviest peers. */
interface Ranked {
  readonly seed: number;
  /** In order of identity. */
  readonly members: readonly Member[];
  /** The lightest of their weights; 0 where there is room for more. */
  readonly floor: number;
}

/** Who is in one of two lists only. */
interface Changes {
  readonly gone: readonly Member[];
  readonly come: readonly Member[];
}

/** More comparisons than this at once and it is better to forget: everybody is then ranked when asked for. */
const COMPARISONS_MAX = 500_000;

const seedOf = ({ digest }: Member): number => peerSeed(digestNumber(digest));
const viewerOf = (node: Key): number => viewerSeed(digestNumber(digestOf(node)));

export class GroupRanking {
  /** How many peers of each viewer are ranked. */
  readonly #depth: number;
  #members: readonly Member[] = [];
  #seeds = new Int32Array(0);
  #heaviest = new Heaviest(0);
  readonly #known = new Map<Key, Ranked>();

  constructor(depth: number) {
    this.#depth = depth;
  }

  /** Takes in the group as it is now. Names who is to be ranked again; undefined where that is everybody. */
  follow({ members, validators }: Group): ReadonlySet<Key> | undefined {
    if (members === this.#members) return NOBODY;
    const { gone, come } = changesBetween(this.#members, members);
    this.#seeds = this.#seedsOf(members);
    this.#members = members;
    this.#heaviest = new Heaviest(members.length);
    const known = this.#known;
    // One without pods leaves no gap among the members.
    if ((gone.length + come.length) * known.size > COMPARISONS_MAX || known.size > validators.length) {
      known.clear();
      return undefined;
    }
    const changed = this.#concernedBy([...gone, ...come]);
    for (const node of changed) known.delete(node);
    return changed;
  }

  /** Whoever was there, in the same order, has the seed that is known. */
  #seedsOf(members: readonly Member[]): Int32Array<ArrayBuffer> {
    const seeds = new Int32Array(members.length);
    let before = 0;
    for (const [place, member] of members.entries()) {
      while (before < this.#members.length && isBefore(this.#members[before], member)) before += 1;
      seeds[place] = this.#members[before] === member ? (this.#seeds[before] as number) : seedOf(member);
    }
    return seeds;
  }

  /** Those whose own pods are among `members`, and those who have one of them among their heaviest, or should. */
  #concernedBy(members: readonly Member[]): Set<Key> {
    const concerned = new Set(members.map(({ node }) => node));
    const seeds = members.map(seedOf);
    for (const [node, { seed, floor }] of this.#known) {
      for (const each of seeds) if (weightOfSeeds(seed, each) >= floor) concerned.add(node);
    }
    return concerned;
  }

  /** The heaviest peers of validator `node`, in order of identity. The same array until one of them is another. */
  ranked(node: Key): readonly Member[] {
    const known = this.#known.get(node) ?? this.#rank(node);
    this.#known.set(node, known);
    return known.members;
  }

  /** Weighs everybody: squared, that is what the first plan of a large group costs. */
  #rank(node: Key): Ranked {
    const seed = viewerOf(node);
    const [depth, heaviest] = [this.#depth, this.#heaviest];
    const isOther = this.#othersThan(node);
    heaviest.weigh(seed, this.#seeds, likelyLeast(depth, this.#seeds.length)).keep(isOther);
    if (heaviest.count < depth) heaviest.weigh(seed, this.#seeds, 0).keep(isOther);
    const floor = heaviest.count < depth ? 0 : heaviest.cut(depth);
    return { seed, floor, members: heaviest.of(this.#members) };
  }

  /** Whether a member, by its place, is of another validator than `node`: whose own begin alike, and stand together. */
  #othersThan(node: Key): (place: number) => boolean {
    const members = this.#members;
    const prefix = `${node}-`;
    const from = placeOf(prefix, members);
    let to = from;
    while (members[to]?.identity.startsWith(prefix)) to += 1;
    return (place) => place < from || place >= to || members[place]?.node !== node;
  }
}

/** The first place of `members`, which are in order of identity, that is not before `identity`. */
function placeOf(identity: string, members: readonly Member[]): number {
  let [from, to] = [0, members.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (byText(members[middle]?.identity ?? '', identity) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

const isBefore = (one: Member | undefined, other: Member): boolean =>
  one !== undefined && one !== other && one.identity < other.identity;

const NOBODY: ReadonlySet<Key> = new Set();

/** The heaviest `size` of these peers of validator `node`, in the order that they are in. */
export function heaviestOf(node: Key, peers: readonly Member[], size: number): readonly Member[] {
  if (peers.length <= size) return peers;
  const heaviest = new Heaviest(peers.length);
  heaviest.weigh(viewerOf(node), Int32Array.from(peers, seedOf), 0).cut(size);
  return heaviest.of(peers);
}

/** What was found heavy among many, in the order that it was found in; its room is used again for each viewer. */
class Heaviest {
  readonly #found: Heavy;
  /** The heaviest of the weights, heaviest first, while a cut is looked for. */
  readonly #top: Int32Array;
  count = 0;

  constructor(room: number) {
    this.#found = { indices: new Int32Array(room), weights: new Int32Array(room) };
    this.#top = new Int32Array(room);
  }

  /** Finds all that weigh `least` or more. */
  weigh(viewer: number, peers: Int32Array, least: number): this {
    this.count = heavyInto(this.#found, viewer, peers, least);
    return this;
  }

  /** Leaves those that `isWanted`. */
  keep(isWanted: (index: number, weight: number) => boolean): void {
    const { indices, weights } = this.#found;
    let kept = 0;
    for (let place = 0; place < this.count; place += 1) {
      const [index, weight] = [indices[place] as number, weights[place] as number];
      if (!isWanted(index, weight)) continue;
      indices[kept] = index;
      weights[kept] = weight;
      kept += 1;
    }
    this.count = kept;
  }

  /** Leaves the heaviest `size`; of the same weight, what came first. Says how much the lightest of those weighs. */
  cut(size: number): number {
    this.#sortTop(size);
    const least = this.#top[size - 1] as number;
    const above = this.#top.indexOf(least);
    let room = size - above;
    this.keep((_, weight) => {
      if (weight === least) room -= 1;
      return weight > least || (weight === least && room >= 0);
    });
    return asWeight(least);
  }

  #sortTop(size: number): void {
    const { weights } = this.#found;
    const top = this.#top;
    let length = 0;
    for (let index = 0; index < this.count; index += 1) {
      const weight = weights[index] as number;
      if (length === size && weight <= (top[size - 1] as number)) continue;
      let place = length < size ? length++ : size - 1;
      while (place > 0 && (top[place - 1] as number) < weight) {
        top[place] = top[place - 1] as number;
        place -= 1;
      }
      top[place] = weight;
    }
  }

  /** What was found, of those that were weighed. */
  of(members: readonly Member[]): readonly Member[] {
    // Made at its length: one that grows takes twice the room.
    const found = new Array<Member>(this.count);
    for (let place = 0; place < this.count; place += 1) {
      found[place] = members[this.#found.indices[place] as number] as Member;
    }
    return found;
  }
}

/** A weight that nearly always twice as many as are wanted reach: most others are then passed over at once. */
const likelyLeast = (depth: number, count: number): number =>
  Math.max(0, Math.floor(2 ** 32 * (1 - (2 * depth + 8) / count)));

/** Who of two lists, both in order of identity, is in one only. One whose address changed is gone and come. */
function changesBetween(before: readonly Member[], after: readonly Member[]): Changes {
  const gone: Member[] = [];
  const come: Member[] = [];
  let next = 0;
  for (const member of before) {
    let other = after[next];
    while (other && other !== member && byText(other.identity, member.identity) < 0) {
      come.push(other);
      next += 1;
      other = after[next];
    }
    if (other === member) next += 1;
    else gone.push(member);
  }
  come.push(...after.slice(next));
  return { gone, come };
}
