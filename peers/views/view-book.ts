/**
 * The view of each validator. Publisher, admission and signals all ask here, so they agree. Owns the size of views: if
 * the views of a namespace do not fit into its ConfigMap, all of them get smaller.
 */
import type { Discovery } from '../discovery/discover.ts';
import type { Key, Validator } from '../world.ts';
import { outsideOf, type PeerList, viewBytes, viewOf } from './views.ts';

/** The API server refuses objects over 1 MiB (etcd's request limit leaves some room above). */
export const CONFIGMAP_BYTES_MAX = 1024 * 1024 - 16 * 1024;

/** The smaller sizes of a view. stellar-core keeps 8 outbound connections, so a view needs at least 8 peers. */
const SMALLER_SIZES = [24, 16, 8];

/** The sizes that views may have, largest first. */
export const viewSizes = (maxPeers: number): readonly number[] => [
  maxPeers,
  ...SMALLER_SIZES.filter((size) => size < maxPeers),
];

/** The files of one validator, at one size of view. */
export interface ViewEntry {
  readonly validator: Validator;
  readonly peerList: PeerList;
  readonly bytes: number;
}

interface Page {
  /** How many peers its views hold at most; undefined if they do not fit at any size. */
  readonly size: number | undefined;
  /** In order of key; empty for a namespace that is too large. */
  readonly entries: readonly ViewEntry[];
  /** Validators whose list could not be worked out, and the error. Unknown is not the same as empty. */
  readonly unknown: ReadonlyMap<Key, string>;
}

/** The views of one membership. */
export class ViewBook {
  readonly #discovery: Discovery;
  readonly #sizes: readonly number[];
  readonly #pages = new Map<string, Page>();
  /** The errors, by key of the group. */
  readonly #problems = new Map<string, string>();

  constructor(discovery: Discovery, maxPeers: number) {
    this.#discovery = discovery;
    this.#sizes = viewSizes(maxPeers);
  }

  /** The data for the ConfigMap of a namespace. */
  pageOf(namespace: string): Page {
    const known = this.#pages.get(namespace) ?? this.#makePage(namespace);
    this.#pages.set(namespace, known);
    return known;
  }

  /** The largest size at which all views of the namespace fit. Every replica finds the same. */
  #makePage(namespace: string): Page {
    const validators = this.#discovery.activeIn.get(namespace) ?? [];
    for (const size of this.#sizes) {
      const fitting = this.#fitting(validators, size);
      if (fitting) return { size, ...fitting };
    }
    return { size: undefined, entries: [], unknown: new Map() };
  }

  /** The entries of these validators at a size; undefined if they do not fit into one ConfigMap. */
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
      // Stop at once, so that a namespace that is far too large costs no more than a full one.
      if (left < 0) return undefined;
      entries.push(entry);
    }
    return { entries, unknown };
  }

  /** The list of peers of a validator; undefined if it is not an active peer, or if its list is not known. */
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

  /** Undefined if the list cannot be worked out. The error concerns only this group, and no empty list is made. */
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
