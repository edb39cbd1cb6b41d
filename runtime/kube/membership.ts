/**
 * What every replica knows of the membership: discovery over the caches, made anew only after a change,
 * and when each group last changed. Admission and reconciler read the same one.
 */
import { type Discovery, type DiscoverySettings, discover } from '../../peers/discovery/discover.ts';
import { EXTERNAL_CONFIGMAP, JOURNAL_CONFIGMAP } from '../../peers/names.ts';
import { saltOf } from '../../peers/views/salt.ts';
import { ViewBook } from '../../peers/views/view-book.ts';
import { type PeerList, type PublishedView, publishedView } from '../../peers/views/views.ts';
import type { Key, World } from '../../peers/world.ts';
import type { Clock } from '../clock.ts';
import { type Caches, SYNCED } from './caches.ts';
import { PodMemory } from './pod-memory.ts';

/** Changes come in bursts: what arrives within this time is looked at once. */
const GATHER_MS = 20;

/** Kinds whose changes can change what discovery finds. */
const MEMBERSHIP_KINDS = new Set(['StellarNode', 'StatefulSet']);

/** Changes that followed each other within the stabilization window, monotonic ms. */
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
  /** False until the membership was noted once: what is there then has not changed. */
  #watching = false;
  /** When something that may change the membership last happened; discovery itself may come later. */
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
      // What is there when watching begins is what later changes are measured against; and a change must be
      // noted when it happens, not when it is asked for an hour later.
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

  /** The views that should be published, as the membership is now. */
  views(): ViewBook {
    this.#views ??= new ViewBook(this.discovery(), this.#options.settings.maxPeers);
    return this.#views;
  }

  /** The list that should be published for a validator; undefined for one that is no active peer. */
  desired(node: Key): PeerList | undefined {
    const reading = this.world.nodes.get(node);
    return reading?.kind === 'validator' ? this.views().peerListOf(reading.validator) : undefined;
  }

  /** Works everything out anew from what the caches hold when it is asked for next. */
  forget(): void {
    this.#discovery = undefined;
    this.#views = undefined;
  }

  /** The view as it stands in the validator's ConfigMap, as far as the cache knows. */
  published(node: Key): PublishedView | undefined {
    const [namespace = '', name = ''] = node.split('/');
    return publishedView(this.world.configMaps.get(namespace), name);
  }

  /** The latest changes of a group's membership; undefined if there were none while we watched. */
  membershipChanges(group: string): Changes | undefined {
    this.discovery();
    return this.#changes.get(group);
  }

  /** A group that is there when watching begins has not changed; one that appears later has. */
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

/** What admission reads of the membership, live: everything may change between two awaits. */
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
