/**
 * Chooses the peers of a validator if its network has more members than a list. Running members come first. Its own
 * namespace gets at least half of the list. Among equals a weight decides, which no tenant can choose. Pure.
 */
import { createHmac } from 'node:crypto';
import type { Group, Member } from '../discovery/discover.ts';
import { weightOf } from '../hash.ts';
import { type Key, namespaceOf } from '../world.ts';

/** The seeds of a StellarNode: one for weights in which it is the peer, one for weights in which it is the viewer. */
interface Seeds {
  readonly viewer: number;
  readonly peer: number;
}

/** The seeds of a UID under a salt. A tenant cannot predict them without the salt, and cannot choose a UID. */
function seedsOf(salt: string, uid: string): Seeds {
  const digest = createHmac('sha256', salt).update(uid).digest();
  return { viewer: digest.readInt32BE(0), peer: digest.readInt32BE(4) };
}

interface Offer {
  readonly member: Member;
  readonly seed: number;
  readonly runs: boolean;
  /** Index in the members of the group, which are in order of identity. */
  readonly place: number;
}

interface Weighed {
  readonly offer: Offer;
  readonly weight: number;
}

/** Keeps the heaviest members up to a number. Of two with the same weight, the one that was offered first stays. */
class Heaviest {
  /** Heaviest first. */
  readonly found: Weighed[] = [];
  /** Only a member with a greater weight can still enter. */
  floor = -1;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  offer(offer: Offer, weight: number): void {
    if (weight <= this.floor) return;
    const { found } = this;
    let at = found.length;
    while (at > 0 && (found[at - 1] as Weighed).weight < weight) at -= 1;
    found.splice(at, 0, { offer, weight });
    if (found.length > this.#size) found.pop();
    if (found.length === this.#size) this.floor = (found[this.#size - 1] as Weighed).weight;
  }
}

/** More than any weight, so that members that run are the heaviest. */
const RUNS_WEIGHT = 2 ** 32;

interface Viewer {
  readonly seed: number;
  readonly node: Key;
  readonly namespace: string;
}

/** The members of one group, ready to be chosen from for any of its validators. */
export class Choice {
  readonly #listed: readonly Member[];
  /** Each list is in order of identity. */
  readonly #byNamespace: ReadonlyMap<string, readonly Offer[]>;
  readonly #viewerSeeds: ReadonlyMap<Key, number>;
  /** Groups of members that share an advertised address. They are one peer to others. */
  readonly #sharing: ReadonlyArray<readonly Offer[]>;

  constructor({ listed, running, validators, salt }: Group) {
    const seeds = new Map(validators.map(({ key, uid }) => [key, seedsOf(salt, uid)]));
    const seedOf = ({ node, ordinal }: Member) => {
      const { peer } = seeds.get(node) ?? seedsOf(salt, node);
      return (peer + Math.imul(ordinal + 1, 0x9e3779b1)) | 0;
    };
    const offers = listed.map((member, place) => {
      return { member, place, seed: seedOf(member), runs: running.has(member) };
    });
    this.#listed = listed;
    this.#byNamespace = Map.groupBy(offers, ({ member }) => member.namespace);
    this.#viewerSeeds = new Map([...seeds].map(([key, { viewer }]) => [key, viewer]));
    this.#sharing = sharingOf(offers);
  }

  /** The members that validator `node` should know, at most `size`, in order of identity; none of its own. */
  for(node: Key, size: number): readonly Member[] {
    const namespace = namespaceOf(node);
    const inOwn = this.#byNamespace.get(namespace) ?? [];
    const own = inOwn.filter(({ member }) => member.node !== node);
    if (this.#listed.length - (inOwn.length - own.length) <= size) {
      return this.#listed.filter((member) => member.node !== node);
    }
    const chosen = this.#chosenOf(own, { seed: this.#viewerSeeds.get(node) ?? 0, node, namespace }, size);
    return chosen.sort((a, b) => a.place - b.place).map(({ member }) => member);
  }

  /** The innermost loop of a plan. For most members it reads only the weight. */
  #chosenOf(inOwn: readonly Offer[], viewer: Viewer, size: number): Offer[] {
    const passedOver = this.#passedOver(viewer);
    const own = inOwn.filter((offer) => !passedOver.has(offer));
    const weightFor = ({ seed, runs }: Offer) => weightOf(viewer.seed, seed) + (runs ? RUNS_WEIGHT : 0);
    const ours = new Heaviest(size);
    const foreign = new Heaviest(size);
    for (const offer of own) ours.offer(offer, weightFor(offer));
    for (const [namespace, offers] of this.#byNamespace) {
      if (namespace === viewer.namespace) continue;
      for (const offer of offers) {
        const weight = weightFor(offer);
        if (weight > foreign.floor && !passedOver.has(offer)) foreign.offer(offer, weight);
      }
    }
    // Other namespaces get at most half of the list while the own namespace has members left.
    const foreignMax = Math.max(Math.floor(size / 2), size - own.length);
    const all = [...ours.found, ...foreign.found.slice(0, foreignMax)];
    all.sort((a, b) => b.weight - a.weight || a.offer.place - b.offer.place);
    return all.slice(0, size).map(({ offer }) => offer);
  }

  /** Of members that share an address, all but one: a running one stays, else one of the own namespace. */
  #passedOver({ seed, node, namespace }: Viewer): ReadonlySet<Offer> {
    const rankOf = ({ runs, member }: Offer) => (runs ? 2 : 0) + (member.namespace === namespace ? 1 : 0);
    const weightFor = (offer: Offer) => weightOf(seed, offer.seed);
    const isBefore = (a: Offer, b: Offer) =>
      (rankOf(a) - rankOf(b) || weightFor(a) - weightFor(b) || b.place - a.place) > 0;
    const passed = new Set<Offer>();
    for (const offers of this.#sharing) {
      const others = offers.filter(({ member }) => member.node !== node);
      const best = bestOf(others, isBefore);
      for (const offer of others) if (offer !== best) passed.add(offer);
    }
    return passed;
  }
}

/** The first member, found without sorting: tenants decide how many share an address. Undefined for an empty list. */
function bestOf(offers: readonly Offer[], isBefore: (a: Offer, b: Offer) => boolean): Offer | undefined {
  let [best] = offers;
  for (const offer of offers) if (best !== undefined && isBefore(offer, best)) best = offer;
  return best;
}

/** Members with the same address, of each address that several have. */
function sharingOf(offers: readonly Offer[]): Offer[][] {
  if (!offers.some(({ member }) => member.isAdvertised)) return [];
  const byAddress = Map.groupBy(offers, ({ member }) => member.address);
  return [...byAddress.values()].filter(({ length }) => length > 1);
}
