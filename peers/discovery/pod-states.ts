/**
 * Which pods of a StatefulSet are there, and which of them run: what their places in the lists of others depend on. Pure.
 */
import type { Key, World } from '../world.ts';

/** By UID of the StatefulSet its pods by key: true for one that runs. */
export type PodStates = ReadonlyMap<string, ReadonlyMap<Key, boolean>>;

/** Pods that ran lately, by key with the UID of their StatefulSet: they count as running, so that a restart moves no place. */
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
