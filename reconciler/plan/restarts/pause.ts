/**
 * Remembers the kill switch, so that our own ConfigMap, if it was deleted, is created with the pause that it had. Pure.
 */
import { PAUSED } from '../../../peers/names.ts';
import type { World } from '../../../peers/world.ts';

/** The switch as last seen: its value, `unset`, or undefined for a leader that never saw it. */
export type SeenPause = { readonly value: string | undefined } | undefined;

/** The switch as it is now, or as it was last seen if the ConfigMap is gone. */
export function seePause(last: SeenPause, world: World, ownNamespace: string): SeenPause {
  const own = world.configMaps.get(ownNamespace);
  return own ? { value: own.rollout } : last;
}

/**
 * The value to put back before our ConfigMap is created; undefined if there was no pause. A leader that never saw the
 * switch puts back a pause if there is a journal: that ConfigMap exists since the first restart, also when all its
 * entries are dropped.
 */
export function pauseToRestore(last: SeenPause, world: World, ownNamespace: string): string | undefined {
  if (world.configMaps.has(ownNamespace)) return undefined;
  if (last) return last.value;
  return world.journal ? PAUSED : undefined;
}
