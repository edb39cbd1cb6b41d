/**
 * Which view each validator should have, for all who ask: publisher, admission and signals agree since they ask here.
 * Owns the size of views: where those of a namespace do not fit into its ConfigMap, all of them shrink alike.
 */
import type { Discovery } from '../discovery/discover.ts';
import type { Key, Validator } from '../world.ts';
import { outsideOf, type PeerList, viewBytes, viewOf } from './views.ts';

/** The API server refuses objects over 1 MiB (etcd's request limit leaves some room above). */
export const CONFIGMAP_BYTES_MAX = 1024 * 1024 - 16 * 1024;

/** What a view shrinks to: stellar-core keeps 8 outbound connections, so fewer would not do. */
const SMALLER_SIZES = [24, 16, 8];

/** The sizes that views may have, largest first. */
export const viewSizes = (maxPeers: number): readonly number[] => [
  maxPeers,
  ...SMALLER_SIZES.filter((size) => size < maxPeers),
];

/** What should stand in one validator's files, at one size. */
export interface ViewEntry {
  readonly validator: Validator;
  readonly peerList: PeerList;
  /** How many bytes it takes. */
  readonly bytes: number;
}

/** What should stand in one namespace's ConfigMap. */
interface Page {
  /** How many peers its views hold at most; undefined where no size of them fits. */
  readonly size: number | undefined;
  /** In order of key; of a namespace that is too large none. */
  readonly entries: readonly ViewEntry[];
  /** Validators whose entry could not be worked out, and what went wrong: not known, which is not "none". */
  readonly unknown: ReadonlyMap<Key, string>;
}

/** The views of one membership. */
export class ViewBook {
  readonly #discovery: Discovery;
  readonly #sizes: readonly number[];
  readonly #pages = new Map<string, Page>();
  /** What went wrong, by key of the group. */
  readonly #problems = new Map<string, string>();

  constructor(discovery: Discovery, maxPeers: number) {
    this.#discovery = discovery;
    this.#sizes = viewSizes(maxPeers);
  }

  /** What should stand in a namespace's ConfigMap. */
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
    const validators = this.#discovery.activeIn.get(namespace) ?? [];
    for (const size of this.#sizes) {
      const fitting = this.#fitting(validators, size);
      if (fitting) return { size, ...fitting };
    }
    return { size: undefined, entries: [], unknown: new Map() };
  }

  /** What these validators are to be told at a size; undefined where it is too much for one ConfigMap. */
  #fitting(validators: readonly Validator[], size: number): Pick<Page, 'entries' | 'unknown'> | undefined {
    const entries: ViewEntry[] = [];
    const unknown = new Map<Key, string>();
    let left = CONFIGMAP_BYTES_MAX;
    for (const validator of validators) {
      const entry = this.#entryOf(validator, size);
      if (!entry) {
        unknown.set(validator.key, this.#problemOf(validator));
        continue;
      }
      left -= entry.bytes;
      // A namespace that is far too large costs no more than a full one.
      if (left < 0) return undefined;
      entries.push(entry);
    }
    return { entries, unknown };
  }

  /** What should stand in a validator's files; undefined for one that is no active peer, or whose list is not known. */
  peerListOf(validator: Validator): PeerList | undefined {
    const { key, namespace } = validator;
    const { skipped, groupOf } = this.#discovery;
    if (!groupOf.has(key) || skipped.has(key)) return undefined;
    const { size, entries } = this.pageOf(namespace);
    if (size !== undefined) return entries.find((entry) => entry.validator.key === key)?.peerList;
    return this.#entryOf(validator, this.#sizes.at(-1) ?? 0)?.peerList;
  }

  #groupKeyOf({ key }: Validator): string {
    return this.#discovery.groupOf.get(key) ?? '';
  }

  #problemOf(validator: Validator): string {
    return this.#problems.get(this.#groupKeyOf(validator)) ?? 'its group is not known';
  }

  /** Undefined where it cannot be worked out: that costs its group alone, and is no empty list. */
  #entryOf(validator: Validator, size: number): ViewEntry | undefined {
    const groupKey = this.#groupKeyOf(validator);
    const group = this.#discovery.groups.get(groupKey);
    if (!group || this.#problems.has(groupKey)) return undefined;
    try {
      const { key, name } = validator;
      const peerList = { view: viewOf(key, group, size), externals: outsideOf(validator, group, size) };
      return { validator, peerList, bytes: viewBytes(name, peerList) };
    } catch (error) {
      this.#problems.set(groupKey, String(error));
      return undefined;
    }
  }
}
