/**
 * What admission asks about the cluster. Owns the interface only; runtime caches implement it.
 */
import type { Discovery, Member } from '../../peers/discovery/discover.ts';
import type { PublishedView } from '../../peers/views/views.ts';
import type { Key, World } from '../../peers/world.ts';

export interface MembershipReader {
  /** The live caches: they change under the reader between two awaits. */
  readonly world: World;
  /** True once every cache has been listed. */
  synced(): boolean;
  /** Discovery over the caches; memoised until they change. */
  discovery(): Discovery;
  /** The view that should be published for a validator now; undefined where none should be. */
  desiredView(node: Key): readonly Member[] | undefined;
  /** The view that is published for a validator; undefined where none is. */
  published(node: Key): PublishedView | undefined;
  /** Monotonic ms at which the group's membership last changed; undefined if it never did since start. */
  membershipChangedAtMs(group: string): number | undefined;
  /** True while some replica holds the Lease: without one nothing is published, and waiting is in vain. */
  leaderAlive(): boolean;
  /** Calls `listener` after each change of any of the above; the returned function ends that. */
  onChange(listener: () => void): () => void;
}
