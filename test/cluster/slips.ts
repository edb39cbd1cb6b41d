/** Slips of the StatefulSet controller: pods that it created or deleted because its cache was behind, not restarts. */

/** One pod from its creation to its end. Times are those at which a watcher saw the events, in ms since the epoch. */
export interface Life {
  readonly uid: string;
  /** The revision of its StatefulSet; empty for a pod without one. */
  readonly revision: string;
  readonly createdAtMs: number;
  /** When its containers were first seen to run. */
  ranAtMs?: number;
  readyAtMs?: number;
  terminatingAtMs?: number;
  deletedAtMs?: number;
}

/** DELETE_MIN_AGE_SECONDS of the tests is 3 s, so stellar-peers deletes no pod as young as this. */
const YOUNG_MS = 1_000;

/**
 * True for a pod that was replaced, but not by us:
 * - a pod of the former revision that never became Ready, and was replaced at once by a pod of the new revision. The
 *   controller made it because its cache was behind (seen on a loaded machine). Both pods belong to one restart;
 * - the first pod of a new revision, replaced by a pod of the same revision while it was young. The controller deletes by
 *   name, without the UID, so with an old cache it may delete the next pod. Our own restarts make a new revision, or delete
 *   an older pod;
 * - a pod that never ran.
 */
export function isSlip(lives: readonly Life[], index: number): boolean {
  const [before, life, after] = [lives[index - 1], lives[index], lives[index + 1]];
  if (life === undefined || after === undefined) return false;
  if (life.ranAtMs === undefined) return true;
  if (before === undefined) return false;
  const isNew = life.revision !== before.revision;
  if (isNew) return life.revision === after.revision && livedMs(life) < YOUNG_MS;
  return life.readyAtMs === undefined && life.revision !== after.revision;
}

/** True once the end of this pod counts as a restart, even if a test deletes the pod. */
export const isPastSlips = ({ ranAtMs, createdAtMs }: Life, nowMs: number): boolean =>
  ranAtMs !== undefined && nowMs - createdAtMs >= YOUNG_MS;

const livedMs = ({ createdAtMs, terminatingAtMs = Number.POSITIVE_INFINITY }: Life): number =>
  terminatingAtMs - createdAtMs;
