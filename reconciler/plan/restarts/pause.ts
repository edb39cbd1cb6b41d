/**
 * The kill switch's memory: an own ConfigMap that was deleted comes back with the pause it had. Pure.
 */
import { PAUSED } from '../../../peers/names.ts';
import type { World } from '../../../peers/world.ts';

/** The switch as last seen: its value, `unset`, or undefined for a leader that never saw it. */
export type SeenPause = { readonly value: string | undefined } | undefined;

/** What is seen now, or what was seen last where the object is gone. */
export function seePause(last: SeenPause, world: World, ownNamespace: string): SeenPause {
  const own = world.configMaps.get(ownNamespace);
  return own ? { value: own.rollout } : last;
}

/**
 * The value to put back before the object is made anew; undefined if none. A leader that never saw the switch
 * puts it back as paused if there is a journal: it comes with the first restart, and stays when its entries are dropped.
 */
export function pauseToRestore(last: SeenPause, world: World, ownNamespace: string): string | undefined {
  if (world.configMaps.has(ownNamespace)) return undefined;
  if (last) return last.value;
  return world.journal ? PAUSED : undefined;
}
