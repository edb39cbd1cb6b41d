/** The membership as this replica knows it, computed again only after a change, and when each group changed last. */
import { type Discovery, type DiscoverySettings, discover } from '../../peers/discovery/discover.ts';
import { EXTERNAL_CONFIGMAP, JOURNAL_CONFIGMAP } from '../../peers/names.ts';
import { saltOf } from '../../peers/views/salt.ts';
import { ViewBook } from '../../peers/views/view-book.ts';
import { type PeerList, type PublishedView, publishedView } from '../../peers/views/views.ts';
import type { Key, World } from '../../peers/world.ts';
import type { Clock } from '../clock.ts';
import { type Caches, SYNCED } from './caches.ts';
import { PodMemory } from './pod-memory.ts';

/** Changes come in bursts. All changes within this time cause one discovery. */
const GATHER_MS = 20;

/** Kinds whose changes can change the discovery. */
const MEMBERSHIP_KINDS = new Set(['StellarNode', 'StatefulSet']);

/** The first and last of a row of changes, each within the stabilization window of the one before. Monotonic ms. */
export interface Changes {
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

export interface MembershipCacheOptions {
  readonly caches: Caches;
  readonly clock: Clock;
  readonly settings: DiscoverySettings & { readonly maxPeers: number; readonly stabilizationMs: number };
  readonly leaderAlive: () => boolean;
}

export class MembershipCache {
  readonly #options: MembershipCacheOptions;
  #discovery: Discovery | undefined;
  #views: ViewBook | undefined;
  /** The salt of the last discovery. */
  #salt: string | undefined;
  /** Digests of each group's members. */
  readonly #fingerprints = new Map<string, string>();
  readonly #changes = new Map<string, Changes>();
  /** False until the first discovery with complete caches. The groups in that discovery do not count as changed. */
  #watching = false;
  /** When the last event came that may change the membership. The discovery may come later. */
  #touchedAtMs = 0;
  #looking = false;
  readonly #pods: PodMemory;

  constructor(options: MembershipCacheOptions) {
    this.#options = options;
    this.#pods = new PodMemory(options.clock, options.caches.world);
    options.caches.onChange((kind, key) => {
      if (!this.#concernsDiscovery(kind, key)) return;
      this.forget();
      this.#touchedAtMs = options.clock.monotonicMs();
      // The first complete discovery is the base for later changes. After that, discover soon after each event, so that
      // a change is dated when it happens, and not when a caller asks an hour later.
      if (kind === SYNCED) this.discovery();
      else if (this.synced()) this.#lookSoon();
    });
  }

  #concernsDiscovery(kind: string, key: string): boolean {
    if (kind === 'Pod') return this.#pods.note(key);
    if (kind === 'ConfigMap' && key === JOURNAL_CONFIGMAP) return saltOf(this.world) !== this.#salt;
    if (kind === 'ConfigMap') return key === EXTERNAL_CONFIGMAP;
    return kind === SYNCED || MEMBERSHIP_KINDS.has(kind);
  }

  #lookSoon(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#options.clock.after(GATHER_MS, () => {
      this.#looking = false;
      this.discovery();
    });
  }

  get world(): World {
    return this.#options.caches.world;
  }

  synced(): boolean {
    return this.#options.caches.synced();
  }

  leaderAlive(): boolean {
    return this.#options.leaderAlive();
  }

  onChange(listener: () => void): () => void {
    return this.#options.caches.onChange(listener);
  }

  discovery(): Discovery {
    if (!this.#discovery) {
      this.#discovery = discover(this.world, this.#options.settings, this.#pods.ranLately());
      this.#salt = this.#discovery.salt;
      if (this.synced()) this.#noteChanges(this.#discovery);
    }
    return this.#discovery;
  }

  views(): ViewBook {
    this.#views ??= new ViewBook(this.discovery(), this.#options.settings.maxPeers);
    return this.#views;
  }

  /** The list that should be published for a validator; undefined if the validator is not an active peer. */
  desired(node: Key): PeerList | undefined {
    const reading = this.world.nodes.get(node);
    return reading?.kind === 'validator' ? this.views().peerListOf(reading.validator) : undefined;
  }

  /** Drops the discovery and the views, so that the next call computes them again. */
  forget(): void {
    this.#discovery = undefined;
    this.#views = undefined;
  }

  /** The view in the validator's ConfigMap, as the cache shows it. */
  published(node: Key): PublishedView | undefined {
    const [namespace = '', name = ''] = node.split('/');
    return publishedView(this.world.configMaps.get(namespace), name);
  }

  /** The latest changes of a group's membership; undefined if there were none while we watched. */
  membershipChanges(group: string): Changes | undefined {
    this.discovery();
    return this.#changes.get(group);
  }

  /** Notes which groups have changed. A group of the first discovery has not; a group that appears later has. */
  #noteChanges(discovery: Discovery): void {
    const first = !this.#watching;
    this.#watching = true;
    for (const [key, group] of discovery.groups) {
      const digests = group.members.map(({ digest }) => digest).join();
      if (this.#fingerprints.get(key) !== digests && !first) this.#noteChange(key);
      this.#fingerprints.set(key, digests);
    }
    for (const key of this.#fingerprints.keys()) {
      if (discovery.groups.has(key)) continue;
      this.#fingerprints.delete(key);
      this.#changes.delete(key);
    }
  }

  #noteChange(group: string): void {
    const lastAtMs = this.#touchedAtMs;
    const before = this.#changes.get(group);
    const goesOn = before && lastAtMs - before.lastAtMs < this.#options.settings.stabilizationMs;
    this.#changes.set(group, { firstAtMs: goesOn ? before.firstAtMs : lastAtMs, lastAtMs });
  }
}

/** The part of the membership that admission reads. It is live: everything may change between two awaits. */
export type MembershipReader = Pick<
  MembershipCache,
  | 'world'
  | 'synced'
  | 'discovery'
  | 'desired'
  | 'published'
  | 'membershipChanges'
  | 'leaderAlive'
  | 'onChange'
>;
