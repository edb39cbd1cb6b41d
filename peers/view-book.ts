/**
 * Which view each validator should have, for all who ask: publisher, admission and signals agree since they ask here.
 * Owns the size of views: where those of a namespace do not fit into its ConfigMap, all of them shrink alike.
 * What it remembers is only what it would work out again.
 */
import type { Discovery, Group, Member } from './discover.ts';
import { GroupRanking, heaviestOf } from './ranking.ts';
import { externalsOf, type Listing, viewBytes } from './views.ts';
import type { Key, Validator } from './world.ts';

/** The API server refuses objects over 1 MiB (etcd's request limit leaves some room above). */
export const CONFIGMAP_BYTES_MAX = 1024 * 1024 - 16 * 1024;

/** What a view shrinks to: stellar-core keeps 8 outbound connections, so fewer would not do. */
const SMALLER_SIZES = [24, 16, 8];

/** The sizes that views may have, largest first. */
export const viewSizes = (maxPeers: number): readonly number[] => [
  maxPeers,
  ...SMALLER_SIZES.filter((size) => size < maxPeers),
];

/** What should stand in one validator's files, at one size: the same object until anything of it is another. */
export interface Entry {
  readonly validator: Validator;
  readonly size: number;
  readonly listing: Listing;
  /** How many bytes it takes. */
  readonly bytes: number;
}

const NOTHING = { size: 0, listing: { view: [], externals: [] }, bytes: 0 };

/** What is known of one validator: of each size that was asked for, and what they are made of. */
interface Shelf {
  readonly validator: Validator;
  readonly ranked: readonly Member[];
  readonly externals: readonly string[];
  /** Nearly always of one size. */
  readonly entries: Entry[];
  /** True until it was looked at again, as the membership is. */
  isDoubted: boolean;
}

/** A group as it was followed last. */
interface Followed {
  readonly ranking: GroupRanking;
  externals: readonly string[];
}

/** What should stand in one namespace's ConfigMap. */
interface Page {
  /** How many peers its views hold at most; undefined where no size of them fits. */
  readonly size: number | undefined;
  /** In order of key; of a namespace that is too large none. */
  readonly entries: readonly Entry[];
}

export class ViewBook {
  readonly #sizes: readonly number[];
  readonly #maxPeers: number;
  #discovery: Discovery | undefined;
  readonly #groups = new Map<string, Followed>();
  readonly #shelves = new Map<Key, Shelf>();
  readonly #pages = new Map<string, Page>();

  constructor(maxPeers: number) {
    this.#maxPeers = maxPeers;
    this.#sizes = viewSizes(maxPeers);
  }

  /** Takes in the membership as it is now. */
  follow(discovery: Discovery): void {
    if (discovery === this.#discovery) return;
    this.#discovery = discovery;
    this.#pages.clear();
    for (const group of discovery.groups.values()) this.#followGroup(group);
    for (const key of this.#groups.keys()) {
      if (discovery.groups.has(key)) continue;
      this.#groups.delete(key);
      this.#doubt(this.#shelves.keys());
    }
    if (this.#shelves.size <= discovery.groupOf.size) return;
    for (const key of this.#shelves.keys()) if (!discovery.groupOf.has(key)) this.#shelves.delete(key);
  }

  /** Who is ranked again is looked at again; everybody where the peers outside the cluster are others. */
  #followGroup(group: Group): void {
    const { key, externals } = group;
    const followed = this.#groups.get(key) ?? { ranking: new GroupRanking(this.#maxPeers), externals };
    const rankedAgain = followed.ranking.follow(group);
    this.#doubt((followed.externals === externals && rankedAgain) || this.#shelves.keys());
    followed.externals = externals;
    this.#groups.set(key, followed);
  }

  #doubt(nodes: Iterable<Key>): void {
    for (const node of nodes) {
      const shelf = this.#shelves.get(node);
      if (shelf) shelf.isDoubted = true;
    }
  }

  /** What should stand in a namespace's ConfigMap, as the membership is. */
  pageOf(namespace: string): Page {
    const known = this.#pages.get(namespace) ?? this.#makePage(namespace);
    this.#pages.set(namespace, known);
    return known;
  }

  /**
   * The largest size at which the views of the namespace fit into one ConfigMap. It follows from the membership alone:
   * every replica finds the same.
   */
  #makePage(namespace: string): Page {
    const validators = this.#discovery?.activeIn.get(namespace) ?? [];
    for (const size of this.#sizes) {
      const entries = this.#fitting(validators, size);
      if (entries) return { size, entries };
    }
    return { size: undefined, entries: [] };
  }

  /** What these validators are to be told at a size; undefined where it is too much for one ConfigMap. */
  #fitting(validators: readonly Validator[], size: number): readonly Entry[] | undefined {
    const entries: Entry[] = [];
    let left = CONFIGMAP_BYTES_MAX;
    for (const validator of validators) {
      const entry = this.#entryOf(validator, size);
      left -= entry.bytes;
      // A namespace that is far too large costs no more than a full one.
      if (left < 0) return undefined;
      entries.push(entry);
    }
    return entries;
  }

  /** What should stand in a validator's files; undefined for one that is no active peer. */
  listingOf(validator: Validator): Listing | undefined {
    const { skipped, groupOf } = this.#discovery ?? {};
    if (!groupOf?.has(validator.key) || skipped?.has(validator.key)) return undefined;
    const smallest = this.#sizes[this.#sizes.length - 1] ?? this.#maxPeers;
    return this.#entryOf(validator, this.pageOf(validator.namespace).size ?? smallest).listing;
  }

  #entryOf(validator: Validator, size: number): Entry {
    const shelf = this.#shelfOf(validator);
    const known = shelf?.entries.find((each) => each.size === size);
    if (!shelf || known) return known ?? { validator, ...NOTHING };
    const { key, name } = validator;
    const view = heaviestOf(key, shelf.ranked, size);
    const listing = { view, externals: externalsOf(key, { externals: shelf.externals }, size) };
    const entry = { validator, size, listing, bytes: viewBytes(name, listing) };
    shelf.entries.push(entry);
    return entry;
  }

  #shelfOf(validator: Validator): Shelf | undefined {
    const { key } = validator;
    const known = this.#shelves.get(key);
    const isSame = known?.validator === validator;
    if (isSame && !known.isDoubted) return known;
    const groupKey = this.#discovery?.groupOf.get(key) ?? '';
    const group = this.#discovery?.groups.get(groupKey);
    const ranked = this.#groups.get(groupKey)?.ranking.ranked(key);
    if (!group || !ranked) return undefined;
    const { externals } = group;
    const holds = isSame && known.ranked === ranked && known.externals === externals;
    const shelf = holds ? known : { validator, ranked, externals, entries: [], isDoubted: false };
    shelf.isDoubted = false;
    this.#shelves.set(key, shelf);
    return shelf;
  }
}
