/**
 * Which pods of a StatefulSet exist, and which of them run. The order in which members are listed depends on this.
 * Pure.
 */
import type { Key, World } from '../world.ts';

/** By UID of the StatefulSet, its pods by key; true for a pod that runs. */
export type PodStates = ReadonlyMap<string, ReadonlyMap<Key, boolean>>;

/**
 * Pods that ran lately, by key, with the UID of their StatefulSet. They count as running, so that a restart does not
 * change the lists of peers.
 */
export type RanLately = ReadonlyMap<Key, string>;

const NONE: RanLately = new Map();

/** The states of all pods that a StatefulSet controls. */
export function podStatesIn({ pods }: Pick<World, 'pods'>, lately = NONE): PodStates {
  const podStates = new Map<string, Map<Key, boolean>>();
  for (const [key, { ownerUid, running }] of pods) if (ownerUid) note(podStates, ownerUid, [key, running]);
  for (const [key, ownerUid] of lately) note(podStates, ownerUid, [key, true]);
  return podStates;
}

function note(podStates: Map<string, Map<Key, boolean>>, uid: string, [key, runs]: [Key, boolean]): void {
  const known = podStates.get(uid);
  if (known) known.set(key, runs);
  else podStates.set(uid, new Map([[key, runs]]));
}
