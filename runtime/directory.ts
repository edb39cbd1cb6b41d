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
  ownStatefulSet,
} from '../peers/discover.ts';
import { EXTERNAL_CONFIGMAP } from '../peers/names.ts';
import { rosterOf } from '../peers/roster.ts';
import { ViewBook } from '../peers/view-book.ts';
import { type Listing, type PublishedView, publishedView } from '../peers/views.ts';
import type { Key, World } from '../peers/world.ts';
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
  /** The last discovery, until a change makes the next: what did not change is taken over from it. */
  #before: Discovery | undefined;
  #views: ViewBook;
  readonly #fingerprints = new Map<string, Fingerprint>();
  readonly #changes = new Map<string, Changes>();
  /** False until the membership was noted once: what is there then has not changed. */
  #watching = false;
  /** When something that may change the membership last happened; discovery itself may come later. */
  #touchedAtMs = 0;
  #looking = false;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#views = new ViewBook(options.settings.maxPeers);
    options.caches.onChange((kind, key) => {
      if (!concernsDiscovery(kind, key)) return;
      this.#discovery = undefined;
      this.#touchedAtMs = options.clock.monotonicMs();
      // What is there when watching begins is what later changes are measured against; and a change must be
      // noted when it happens, not when somebody asks for it an hour later.
      if (kind === SYNCED) this.discovery();
      else if (this.synced()) this.#lookSoon();
      else this.#readAhead(kind, key);
    });
  }

  /** While everything is listed, object by object, what discovery will ask of each: it would ask it of all at once. */
  #readAhead(kind: string, key: string): void {
    const reading = kind === 'StellarNode' ? this.world.nodes.get(key) : undefined;
    if (reading?.kind !== 'validator') return;
    rosterOf(reading.validator, ownStatefulSet(this.world, reading.validator), this.#options.settings);
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
      this.#discovery = discover(this.world, this.#options.settings, this.#before);
      this.#before = this.#discovery;
      if (this.synced()) this.#noteChanges(this.#discovery);
    }
    return this.#discovery;
  }

  /** The views that should be published, as the membership is now. */
  views(): ViewBook {
    this.#views.follow(this.discovery());
    return this.#views;
  }

  /** The view that should be published for a validator; undefined for one that is no active peer. */
  desiredView(node: Key): readonly Member[] | undefined {
    return this.desired(node)?.view;
  }

  /** The same with its peers outside the cluster. */
  desired(node: Key): Listing | undefined {
    const reading = this.world.nodes.get(node);
    return reading?.kind === 'validator' ? this.views().listingOf(reading.validator) : undefined;
  }

  /** Works everything out anew from what the caches hold: what is remembered must not outlive a mistake in it. */
  forget(): void {
    this.#discovery = undefined;
    this.#before = undefined;
    this.#views = new ViewBook(this.#options.settings.maxPeers);
  }

  /** The view as it stands in the validator's ConfigMap, as far as the cache knows. */
  published(node: Key): PublishedView | undefined {
    const [namespace = '', name = ''] = node.split('/');
    return publishedView(this.world.configMaps.get(namespace), name);
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
      const known = this.#fingerprints.get(key);
      if (known?.group === group) continue;
      const digests = digestsOf(group);
      this.#fingerprints.set(key, { group, digests });
      if (known?.digests !== digests && !first) this.#noteChange(key);
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

/** Who is a member of a group, in a form that is easily compared. */
interface Fingerprint {
  readonly group: Group;
  readonly digests: string;
}

const digestsOf = (group: Group): string => group.members.map((member) => member.digest).join();
