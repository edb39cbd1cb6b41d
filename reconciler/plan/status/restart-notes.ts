/** Texts about our restarts: why one began and how it ended, for Events. Pure. */
import type { Outcome, RestartKind } from '../journal/journal.ts';
import type { DriftKind } from '../restarts/drift.ts';

const WHY: Readonly<Record<string, string>> = {
  short: 'it knows too few of its peers, or one that left',
  isolated: 'none of the peers that it knows is there',
  notInjected: 'it started without its peers',
} satisfies Record<DriftKind, string>;

const HOW: Readonly<Record<RestartKind, string>> = { bump: 'Rolling restart of', delete: 'Replacing' };

const ENDED: Readonly<Record<Outcome, string>> = {
  done: 'Restart finished.',
  notInjected: 'Restart finished, but the pod was created without its peers.',
  unwitnessed: 'Restart finished while there was no leader, so its outcome is not known.',
  void: 'The restart did not take place.',
  defused: 'The restart was taken back.',
  gone: 'The StatefulSet of the restart is gone.',
};

/** The note of the Event at the begin of a restart; `pods` are the names of the pods to replace. */
export const noteOfBegin = (kind: RestartKind, drift: string, pods: readonly string[]): string =>
  `${HOW[kind]} ${pods.join(', ')}: ${WHY[drift] ?? drift}.`;

/** The note of the Event at the end of a restart. */
export const noteOfEnd = (outcome: Outcome): string => ENDED[outcome];
