/** Which pods count as no restart: those that a StatefulSet controller made or deleted by a cache that is behind. */

/** One pod from its creation to its end; times are when a watcher learned of them, ms since the epoch. */
export interface Life {
  readonly uid: string;
  /** The revision of its StatefulSet that it was made of; empty for a pod of nothing. */
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
 * True for a pod whose end is none of ours, though another pod followed:
 * - one that a StatefulSet controller whose cache is behind made of the former revision, and replaced at once by one of the
 *   new revision (seen on a loaded machine). The rollout restart that both belong to is one. It never became Ready;
 * - the first pod of a new revision, replaced by another of that revision while it was young. A controller deletes by name,
 *   without the UID, so one that still sees the former pod deletes the pod that has followed. A rollout restart of ours
 *   makes a revision of its own, and a pod that we delete is older;
 * - one that never ran.
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

/** True once the end of this pod counts, also where a test deletes it. */
export const isPastSlips = ({ ranAtMs, createdAtMs }: Life, nowMs: number): boolean =>
  ranAtMs !== undefined && nowMs - createdAtMs >= YOUNG_MS;

const livedMs = ({ createdAtMs, terminatingAtMs = Number.POSITIVE_INFINITY }: Life): number =>
  terminatingAtMs - createdAtMs;
