/**
 * Whom a validator is told of where its network has more members than a list: those that run before those that do not,
 * its own namespace for at least half of the list, and among equals by a weight that no tenant can choose. Pure.
 */
import { createHmac } from 'node:crypto';
import type { Group, Member } from '../discovery/discover.ts';
import { peerSeed, viewerSeed, weightOfSeeds } from '../hash.ts';
import { type Key, namespaceOf } from '../world.ts';

/** What a StellarNode brings into the weights of others for it, and into its own for others. */
interface Seeds {
  readonly viewer: number;
  readonly peer: number;
}

/** The seeds of a UID under a salt: without the salt they cannot be known, and a UID cannot be chosen. */
function seedsOf(salt: string, uid: string): Seeds {
  const digest = createHmac('sha256', salt).update(uid).digest();
  return { viewer: digest.readInt32BE(0), peer: digest.readInt32BE(4) };
}

/** A member that may be chosen. */
interface Offer {
  readonly member: Member;
  readonly seed: number;
  readonly runs: boolean;
  /** Among the members of the group, which are in order of identity. */
  readonly place: number;
}

interface Weighed {
  readonly offer: Offer;
  readonly weight: number;
}

/** The heaviest so many of what is offered: of the same weight, what was offered first. */
class Heaviest {
  /** Heaviest first. */
  readonly found: Weighed[] = [];
  /** What does not weigh more is none of them. */
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

interface Viewer {
  readonly seed: number;
  readonly node: Key;
  readonly namespace: string;
}

/** The members of one group, ready to be chosen from for any of its validators. */
export class Choice {
  readonly #listed: readonly Member[];
  /** In order of identity, which keeps those of a namespace together. */
  readonly #byNamespace: ReadonlyMap<string, readonly Offer[]>;
  readonly #viewerSeeds: ReadonlyMap<Key, number>;
  /** Members that share what they advertise: they are one peer to others. */
  readonly #sharing: ReadonlyArray<readonly Offer[]>;

  constructor({ listed, running, validators, salt }: Group) {
    const seeds = new Map(validators.map(({ key, uid }) => [key, seedsOf(salt, uid)]));
    const seedOf = ({ node, ordinal }: Member) => {
      const { peer } = seeds.get(node) ?? seedsOf(salt, node);
      return peerSeed((peer + Math.imul(ordinal + 1, 0x85ebca6b)) | 0);
    };
    const offers = listed.map((member, place) => {
      return { member, place, seed: seedOf(member), runs: running.has(member) };
    });
    this.#listed = listed;
    this.#byNamespace = Map.groupBy(offers, ({ member }) => member.namespace);
    this.#viewerSeeds = new Map([...seeds].map(([key, { viewer }]) => [key, viewerSeed(viewer)]));
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

  /** The innermost loop of a plan, which asks of most members nothing but their weight. */
  #chosenOf(inOwn: readonly Offer[], viewer: Viewer, size: number): Offer[] {
    const passedOver = this.#passedOver(viewer);
    const own = inOwn.filter((offer) => !passedOver.has(offer));
    const running = tierOf(size);
    const idle = tierOf(size);
    const weightOf = ({ seed }: Offer) => weightOfSeeds(viewer.seed, seed);
    for (const offer of own) (offer.runs ? running : idle).own.offer(offer, weightOf(offer));
    for (const [namespace, offers] of this.#byNamespace) {
      if (namespace === viewer.namespace) continue;
      for (const offer of offers) {
        const { foreign } = offer.runs ? running : idle;
        const weight = weightOf(offer);
        if (weight > foreign.floor && !passedOver.has(offer)) foreign.offer(offer, weight);
      }
    }
    return filled([running, idle], size, own.length);
  }

  /** Of those that share an address all but one: one that runs, else of the own namespace, else the heaviest. */
  #passedOver({ seed, node, namespace }: Viewer): ReadonlySet<Offer> {
    const rankOf = ({ runs, member }: Offer) => (runs ? 2 : 0) + (member.namespace === namespace ? 1 : 0);
    const weightOf = (offer: Offer) => weightOfSeeds(seed, offer.seed);
    const isBefore = (a: Offer, b: Offer) =>
      (rankOf(a) - rankOf(b) || weightOf(a) - weightOf(b) || b.place - a.place) > 0;
    const passed = new Set<Offer>();
    for (const offers of this.#sharing) {
      const others = offers.filter(({ member }) => member.node !== node);
      const best = bestOf(others, isBefore);
      for (const offer of others) if (offer !== best) passed.add(offer);
    }
    return passed;
  }
}

/** The one before all others; undefined of none. In one pass, since tenants decide how many share an address. */
function bestOf(offers: readonly Offer[], isBefore: (a: Offer, b: Offer) => boolean): Offer | undefined {
  let [best] = offers;
  for (const offer of offers) if (best !== undefined && isBefore(offer, best)) best = offer;
  return best;
}

/** Of members that run, or of those that do not. */
interface Tier {
  readonly own: Heaviest;
  readonly foreign: Heaviest;
}

const tierOf = (size: number): Tier => ({ own: new Heaviest(size), foreign: new Heaviest(size) });

/**
 * A list, filled tier by tier and by weight: other namespaces get at most half of it while the own one could fill it.
 */
function filled(tiers: readonly Tier[], size: number, ownCount: number): Offer[] {
  const chosen: Offer[] = [];
  let foreignLeft = Math.max(Math.floor(size / 2), size - ownCount);
  for (const { own, foreign } of tiers) {
    const all = [...own.found, ...foreign.found.slice(0, foreignLeft)];
    all.sort((a, b) => b.weight - a.weight || a.offer.place - b.offer.place);
    const taken = all.slice(0, size - chosen.length);
    foreignLeft -= taken.filter((each) => foreign.found.includes(each)).length;
    for (const { offer } of taken) chosen.push(offer);
  }
  return chosen;
}

/** Members with the same address, of each address that several have. */
function sharingOf(offers: readonly Offer[]): Offer[][] {
  if (!offers.some(({ member }) => member.isAdvertised)) return [];
  const byAddress = Map.groupBy(offers, ({ member }) => member.address);
  return [...byAddress.values()].filter(({ length }) => length > 1);
}
