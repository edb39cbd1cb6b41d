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

/**
 * The largest size at which the views of one namespace fit into one ConfigMap, given how many bytes each of them takes
 * at a size; undefined where none does. It follows from the membership alone: every replica finds the same.
 */
function fittingSize(
  sizes: readonly number[],
  bytesAt: (size: number) => Iterable<number>,
): number | undefined {
  return sizes.find((size) => {
    let left = CONFIGMAP_BYTES_MAX;
    for (const bytes of bytesAt(size)) {
      left -= bytes;
      // A namespace that is far too large costs no more than a full one.
      if (left < 0) return false;
    }
    return true;
  });
}

/** A listing of one size, and how many bytes it takes. */
interface Sized {
  readonly listing: Listing;
  readonly bytes: number;
}

const NOTHING: Sized = { listing: { view: [], externals: [] }, bytes: 0 };

/** What is known of one validator: of each size that was asked for, and what they are made of. */
interface Shelf {
  readonly ranked: readonly Member[];
  readonly externals: readonly string[];
  readonly bySize: Map<number, Sized>;
}

/** What should stand in one namespace's ConfigMap. */
interface Page {
  /** How many peers its views hold at most; undefined where no size of them fits. */
  readonly size: number | undefined;
  /** By validator, in order; of a namespace that is too large none. */
  readonly listings: ReadonlyMap<Validator, Listing>;
}

export class ViewBook {
  readonly #sizes: readonly number[];
  readonly #maxPeers: number;
  #discovery: Discovery | undefined;
  readonly #rankings = new Map<string, GroupRanking>();
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
    for (const [key, group] of discovery.groups) {
      const ranking = this.#rankings.get(key) ?? new GroupRanking(this.#maxPeers);
      this.#rankings.set(key, ranking);
      ranking.follow(group);
    }
    for (const key of this.#rankings.keys()) if (!discovery.groups.has(key)) this.#rankings.delete(key);
    for (const key of this.#shelves.keys()) if (!discovery.groupOf.has(key)) this.#shelves.delete(key);
  }

  /** What should stand in a namespace's ConfigMap, as the membership is. */
  pageOf(namespace: string): Page {
    const known = this.#pages.get(namespace) ?? this.#makePage(namespace);
    this.#pages.set(namespace, known);
    return known;
  }

  #makePage(namespace: string): Page {
    const listings = new Map<Validator, Listing>();
    const validators = this.#discovery?.activeIn.get(namespace) ?? [];
    const sized = (validator: Validator, size: number) => this.#sized(validator, size);
    const size = fittingSize(this.#sizes, function* bytesAt(at) {
      listings.clear();
      for (const validator of validators) {
        const { listing, bytes } = sized(validator, at);
        listings.set(validator, listing);
        yield bytes;
      }
    });
    return { size, listings: size === undefined ? new Map() : listings };
  }

  /** What should stand in a validator's files; undefined for one that is no active peer. */
  listingOf(validator: Validator): Listing | undefined {
    const { skipped, groupOf } = this.#discovery ?? {};
    if (!groupOf?.has(validator.key) || skipped?.has(validator.key)) return undefined;
    const smallest = this.#sizes[this.#sizes.length - 1] ?? this.#maxPeers;
    return this.#sized(validator, this.pageOf(validator.namespace).size ?? smallest).listing;
  }

  /** The same object until something in it is another. */
  #sized({ key, name }: Validator, size: number): Sized {
    const groupKey = this.#discovery?.groupOf.get(key) ?? '';
    const group = this.#discovery?.groups.get(groupKey);
    const ranked = this.#rankings.get(groupKey)?.ranked(key);
    if (!group || !ranked) return NOTHING;
    const { bySize } = this.#shelfOf(key, ranked, group);
    const known = bySize.get(size);
    if (known) return known;
    const listing = { view: heaviestOf(key, ranked, size), externals: externalsOf(key, group, size) };
    const sized = { listing, bytes: viewBytes(name, listing) };
    bySize.set(size, sized);
    return sized;
  }

  #shelfOf(node: Key, ranked: readonly Member[], { externals }: Group): Shelf {
    const known = this.#shelves.get(node);
    if (known?.ranked === ranked && known.externals === externals) return known;
    const shelf = { ranked, externals, bySize: new Map<number, Sized>() };
    this.#shelves.set(node, shelf);
    return shelf;
  }
}
