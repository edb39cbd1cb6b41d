/**
 * The last restarts as the journal has them, newest first. Pure.
 */
import { plainText } from '../peers/field.ts';
import type { World } from '../peers/world.ts';
import { everyEntry } from '../reconciler/plan/journal/group-journal.ts';
import { noteOfBegin, noteOfEnd } from '../reconciler/plan/status/restart-notes.ts';

/** Longer than a namespace, a name and a sentence. */
const TEXT_LENGTH_MAX = 640;

/** All of the journal that can be read: what is closed is kept there for 24 hours. */
export const restartsIn = ({ journal }: World) =>
  everyEntry(journal)
    .toSorted((a, b) => b.atMs - a.atMs)
    .map(({ statefulSet, kind, drift, atMs, endedAtMs, outcome }) => ({
      /** Key of the StatefulSet, and of the StellarNode, that was restarted. */
      key: plainText(statefulSet, TEXT_LENGTH_MAX),
      ...{ atMs, endedAtMs },
      /** Which validator was restarted how and why, and how that ended, as Events say it. */
      begin: plainText(noteOfBegin(kind, drift, [statefulSet]), TEXT_LENGTH_MAX),
      end: outcome ? noteOfEnd(outcome) : '',
      /** Empty while the restart is under way. */
      outcome: outcome ?? '',
    }));
