/**
 * The last restarts as the journal has them, newest first. Pure.
 */
import { plainText } from '../peers/field.ts';
import type { World } from '../peers/world.ts';
import { everyEntry } from '../reconciler/plan/journal/group-journal.ts';

const TEXT_LENGTH_MAX = 520;

/** All of the journal that can be read: what is closed is kept there for 24 hours. */
export const restartsIn = ({ journal }: World) =>
  everyEntry(journal)
    .toSorted((a, b) => b.atMs - a.atMs)
    .map(({ statefulSet, kind, drift, atMs, endedAtMs, outcome }) => ({
      /** Key of the StatefulSet, and of the StellarNode, that was restarted. */
      key: plainText(statefulSet, TEXT_LENGTH_MAX),
      kind,
      /** Why: what its pod lacked. */
      drift: plainText(drift, TEXT_LENGTH_MAX),
      ...{ atMs, endedAtMs },
      /** Empty while the restart is under way. */
      outcome: outcome ?? '',
    }));
