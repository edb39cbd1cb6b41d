/**
 * Whom each validator of one group ranks highest, kept up while members come and go: a newcomer is compared with the
 * lightest that each viewer has, where views.ts weighs everybody again. What is remembered is only what would be
 * worked out again; that both say the same is tested.
 */
import type { Group, Member } from './discover.ts';
import { digestNumber, digestOf, peerSeed, viewerSeed, weighAll, weightOfSeeds } from './hash.ts';
import { byText, type Key } from './world.ts';

/** A viewer's peers, heaviest first: each smaller view is the beginning of it. */
interface Ranked {
  readonly seed: number;
  readonly members: readonly Member[];
  readonly weights: readonly number[];
}

/** A member with what it brings into each weight. */
interface Weighed {
  readonly member: Member;
  readonly seed: number;
}

interface Changes {
  readonly gone: readonly Weighed[];
  readonly come: readonly Weighed[];
}

/** More comparisons than this at once and it is better to forget: everybody is then ranked when asked for. */
const COMPARISONS_MAX = 500_000;

const seedOf = ({ digest }: Member): number => peerSeed(digestNumber(digest));
const weighed = (member: Member): Weighed => ({ member, seed: seedOf(member) });

export class GroupRanking {
  /** How many peers of each viewer are ranked. */
  readonly #depth: number;
  #members: readonly Member[] = [];
  #seeds = new Int32Array(0);
  /** Used again for each viewer. */
  #weights = new Uint32Array(0);
  readonly #known = new Map<Key, Ranked>();

  constructor(depth: number) {
    this.#depth = depth;
  }

  /** Takes in the group as it is now. */
  follow({ members, validators }: Group): void {
    if (members === this.#members) return;
    const changes = changesBetween(this.#members, members);
    this.#members = members;
    this.#seeds = Int32Array.from(members, seedOf);
    this.#weights = new Uint32Array(members.length);
    const comparisons = (changes.gone.length + changes.come.length) * this.#known.size;
    if (comparisons > COMPARISONS_MAX) this.#known.clear();
    for (const { member } of changes.gone) this.#known.delete(member.node);
    // One without pods leaves no gap among the members.
    if (this.#known.size > validators.length) this.#known.clear();
    for (const [node, ranked] of this.#known) {
      const next = this.#after(changes, node, ranked);
      if (next === undefined) this.#known.delete(node);
      else if (next !== ranked) this.#known.set(node, next);
    }
  }

  /** The peers of validator `node`, heaviest first. The same array until one of them is another. */
  ranked(node: Key): readonly Member[] {
    const known = this.#known.get(node) ?? this.#rank(node);
    this.#known.set(node, known);
    return known.members;
  }

  /** What is ranked after these changes; undefined where that takes a look at everybody. */
  #after({ gone, come }: Changes, node: Key, before: Ranked): Ranked | undefined {
    const { seed } = before;
    let ranked = before;
    for (const each of gone) {
      if (weightOfSeeds(seed, each.seed) >= this.#floorOf(ranked)) return undefined;
    }
    for (const each of come) {
      const weight = weightOfSeeds(seed, each.seed);
      if (weight < this.#floorOf(ranked) || each.member.node === node) continue;
      // Of two that weigh the same the name decides, which is for #rank to say.
      if (ranked.weights.includes(weight)) return undefined;
      ranked = this.#with(each.member, weight, ranked);
    }
    return ranked;
  }

  #floorOf({ weights }: Ranked): number {
    return weights.length < this.#depth ? 0 : (weights[weights.length - 1] ?? 0);
  }

  #with(member: Member, weight: number, { seed, members, weights }: Ranked): Ranked {
    const found = weights.findIndex((each) => each < weight);
    const place = found < 0 ? weights.length : found;
    return {
      seed,
      members: members.toSpliced(place, 0, member).slice(0, this.#depth),
      weights: weights.toSpliced(place, 0, weight).slice(0, this.#depth),
    };
  }

  /** Weighs everybody: squared, that is what the first plan of a large group costs. */
  #rank(node: Key): Ranked {
    const seed = viewerSeed(digestNumber(digestOf(node)));
    weighAll(seed, this.#seeds, this.#weights);
    const likely = this.#topAbove(likelyFloor(this.#depth, this.#weights.length), node);
    const top = likely.weights.length < this.#depth ? this.#topAbove(-1, node) : likely;
    const members = top.indices.map((each) => this.#members[each]).filter((each) => each !== undefined);
    return { seed, members, weights: top.weights };
  }

  /** The heaviest of what was weighed for `node`, of those with more than `floor`. */
  #topAbove(floor: number, node: Key): Top {
    const weights = this.#weights;
    const top = new Top(this.#depth, floor);
    let index = heavierFrom(0, weights, top.floor);
    while (index < weights.length) {
      if (this.#members[index]?.node !== node) top.add(index, weights[index] ?? 0);
      index = heavierFrom(index + 1, weights, top.floor);
    }
    return top;
  }
}

/** A weight that nearly always twice as many as are wanted are above: most others are then passed over at once. */
const likelyFloor = (depth: number, count: number): number =>
  Math.max(-1, Math.floor(2 ** 32 * (1 - (2 * depth + 8) / count)));

/** The next place from `index` on with more than `floor`, or the end. */
function heavierFrom(index: number, weights: Uint32Array, floor: number): number {
  let next = index;
  while (next < weights.length && (weights[next] as number) <= floor) next += 1;
  return next;
}

/** The heaviest of what is added, heaviest first; of the same weight, what came first. */
class Top {
  readonly #depth: number;
  readonly indices: number[] = [];
  readonly weights: number[] = [];
  /** What is not heavier is not taken. */
  floor: number;

  constructor(depth: number, floor: number) {
    this.#depth = depth;
    this.floor = floor;
  }

  add(index: number, weight: number): void {
    const { indices, weights } = this;
    let place = weights.length < this.#depth ? weights.length : weights.length - 1;
    while (place > 0 && (weights[place - 1] ?? 0) < weight) {
      weights[place] = weights[place - 1] ?? 0;
      indices[place] = indices[place - 1] ?? 0;
      place -= 1;
    }
    weights[place] = weight;
    indices[place] = index;
    if (weights.length === this.#depth) this.floor = weights[this.#depth - 1] ?? 0;
  }
}

/** Who of two lists, both in order of identity, is in one only. One whose address changed is gone and come. */
function changesBetween(before: readonly Member[], after: readonly Member[]): Changes {
  const gone: Weighed[] = [];
  const come: Weighed[] = [];
  let next = 0;
  for (const member of before) {
    let other = after[next];
    while (other && other !== member && byText(other.identity, member.identity) < 0) {
      come.push(weighed(other));
      next += 1;
      other = after[next];
    }
    if (other === member) next += 1;
    else gone.push(weighed(member));
  }
  for (const member of after.slice(next)) come.push(weighed(member));
  return { gone, come };
}
