/** Which pods count as no restart: those that a StatefulSet controller made of the wrong revision. */

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

/**
 * True for a pod that a StatefulSet controller whose cache is behind made of the former revision, and replaced by one of
 * the new revision at once (seen on a loaded machine). The rollout restart that both belong to is one. Such a pod never
 * became Ready, so no restart that stellar-peers decided on can be taken for it. A pod that never ran counts as well.
 */
export function isSlip(lives: readonly Life[], index: number): boolean {
  const [before, life, after] = [lives[index - 1], lives[index], lives[index + 1]];
  if (life === undefined || after === undefined) return false;
  if (life.ranAtMs === undefined) return true;
  if (before === undefined || life.readyAtMs !== undefined) return false;
  return life.revision === before.revision && life.revision !== after.revision;
}
