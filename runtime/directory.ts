/**
 * What every replica knows of the membership: discovery over the caches, made anew only after a change,
 * and when each group last changed. Admission and reconciler read the same one.
 */
import {
  type Discovery,
  type DiscoverySettings,
  discover,
  type Group,
  type Member,
} from '../peers/discover.ts';
import { EXTERNAL_CONFIGMAP } from '../peers/names.ts';
import { type PublishedView, publishedView, viewOf } from '../peers/views.ts';
import type { ConfigMapFacts, Key, World } from '../peers/world.ts';
import { type Caches, SYNCED } from './caches.ts';
import type { Clock } from './clock.ts';

/** Changes come in bursts: what arrives within this time is looked at once. */
const GATHER_MS = 20;

/** Kinds whose changes can change what discovery finds. */
const MEMBERSHIP_KINDS = new Set(['StellarNode', 'StatefulSet']);

const concernsDiscovery = (kind: string, key: string): boolean =>
  kind === SYNCED || MEMBERSHIP_KINDS.has(kind) || (kind === 'ConfigMap' && key === EXTERNAL_CONFIGMAP);

/** Changes that followed each other within the stabilization window, monotonic ms. */
export interface Changes {
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

export interface DirectoryOptions {
  readonly caches: Caches;
  readonly clock: Clock;
  readonly settings: DiscoverySettings & { readonly maxPeers: number; readonly stabilizationMs: number };
  readonly leaderAlive: () => boolean;
}

export class Directory {
  readonly #options: DirectoryOptions;
  #discovery: Discovery | undefined;
  readonly #views = new Map<Key, readonly Member[]>();
  readonly #published = new WeakMap<ConfigMapFacts, Map<string, PublishedView | undefined>>();
  readonly #fingerprints = new Map<string, string>();
  readonly #changes = new Map<string, Changes>();
  /** False until the membership was noted once: what is there then has not changed. */
  #watching = false;
  /** When something that may change the membership last happened; discovery itself may come later. */
  #touchedAtMs = 0;
  #looking = false;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    options.caches.onChange((kind, key) => {
      if (!concernsDiscovery(kind, key)) return;
      this.#discovery = undefined;
      this.#touchedAtMs = options.clock.monotonicMs();
      // What is there when watching begins is what later changes are measured against; and a change must be
      // noted when it happens, not when somebody asks for it an hour later.
      if (kind === SYNCED) this.discovery();
      else this.#lookSoon();
    });
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
      this.#discovery = discover(this.world, this.#options.settings);
      this.#views.clear();
      if (this.synced()) this.#noteChanges(this.#discovery);
    }
    return this.#discovery;
  }

  /** The view that should be published for a validator; undefined for one that is no active peer. */
  desiredView(node: Key): readonly Member[] | undefined {
    const discovery = this.discovery();
    const group = discovery.groups.get(discovery.groupOf.get(node) ?? '');
    if (!group || discovery.skipped.has(node)) return undefined;
    const known = this.#views.get(node) ?? viewOf(node, group, this.#options.settings.maxPeers);
    this.#views.set(node, known);
    return known;
  }

  /** The view as it stands in the validator's ConfigMap, as far as the cache knows. */
  published(node: Key): PublishedView | undefined {
    const [namespace = '', name = ''] = node.split('/');
    const configMap = this.world.configMaps.get(namespace);
    if (!configMap) return undefined;
    // What is read of an object never changes; after a change there is another.
    const known = this.#published.get(configMap) ?? new Map<string, PublishedView | undefined>();
    this.#published.set(configMap, known);
    if (!known.has(name)) known.set(name, publishedView(configMap, name));
    return known.get(name);
  }

  /** When the membership of a group last changed, monotonic ms; undefined if never while we watched. */
  membershipChangedAtMs(group: string): number | undefined {
    return this.membershipChanges(group)?.lastAtMs;
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
      const next = fingerprint(group);
      if (this.#fingerprints.get(key) === next) continue;
      this.#fingerprints.set(key, next);
      if (!first) this.#noteChange(key);
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

const fingerprint = (group: Group): string => group.members.map((member) => member.digest).join();
