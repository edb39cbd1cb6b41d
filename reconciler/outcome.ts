/**
 * What became of a restart that the journal has open: over, never happened, to be taken back, or still under way. Pure.
 */

import { podsOf } from '../peers/pods.ts';
import type { PodFacts, StatefulSetFacts, World } from '../peers/world.ts';
import { allReady, isUnsettled } from './availability.ts';
import type { Entry, Outcome } from './journal.ts';

/** A write that has left no trace after this never happened: requests end within a fraction of it. */
export const TRACE_MS = 20_000;

/** What an outcome is judged by, beside the world. */
interface Witness {
  /** For how long this leader has seen the entry open, in ms by its own clock: others' clocks may be wrong. */
  readonly seenForMs: number;
  /** True if the same leader began the restart and has watched since: only then is a bare pod its doing. */
  readonly watched: boolean;
}

/** The outcome of an open entry, or undefined while it is under way. */
export function outcomeOf(entry: Entry, world: World, { seenForMs, watched }: Witness): Outcome | undefined {
  const outcome = plainOutcome(entry, world, seenForMs);
  return outcome === 'notInjected' && !watched ? 'unwitnessed' : outcome;
}

/** True for a bump that shows nowhere, though its write may still be on its way. */
export function isWithoutTrace(entry: Entry, world: World): boolean {
  const statefulSet = world.statefulSets.get(entry.statefulSet);
  if (!statefulSet || entry.kind !== 'bump' || statefulSet.restartToken === entry.token) return false;
  return podsOf(world, statefulSet).some((pod) => entry.uids.includes(pod.uid));
}

/**
 * True for a bump that has done nothing yet, of whose pods one is not Ready by now: with OrderedReady it would wait
 * until that pod turns Ready and then kill it, with nobody asking who else is down by then. Taking the template's
 * annotation back defuses it. Once a pod was replaced that would replace it again.
 */
export function isToBeDefused(entry: Entry, world: World): boolean {
  const statefulSet = world.statefulSets.get(entry.statefulSet);
  if (!statefulSet || entry.kind !== 'bump' || statefulSet.restartToken !== entry.token) return false;
  const old = podsOf(world, statefulSet).filter((pod) => entry.uids.includes(pod.uid));
  const untouched = old.length === entry.uids.length && old.every((pod) => !pod.deleting);
  return untouched && old.some((pod) => !pod.ready);
}

function plainOutcome(entry: Entry, world: World, seenForMs: number): Outcome | undefined {
  const statefulSet = world.statefulSets.get(entry.statefulSet);
  if (!statefulSet) return 'gone';
  const pods = podsOf(world, statefulSet);
  const old = pods.filter((pod) => entry.uids.includes(pod.uid));
  if (old.length > 0) {
    const begun = hasBegun(entry, statefulSet, old);
    return begun || seenForMs < TRACE_MS ? undefined : 'void';
  }
  if (entry.kind === 'bump') return afterBump(world, statefulSet, pods);
  return afterDelete(
    entry,
    pods.filter(({ name }) => entry.names?.includes(name) ?? true),
    statefulSet,
  );
}

const hasBegun = (entry: Entry, statefulSet: StatefulSetFacts, old: readonly PodFacts[]): boolean =>
  entry.kind === 'bump' ? statefulSet.restartToken === entry.token : old.some((pod) => pod.deleting);

/** A bump is over when the StatefulSet has settled and all its pods are Ready. */
function afterBump(
  world: World,
  statefulSet: StatefulSetFacts,
  pods: readonly PodFacts[],
): Outcome | undefined {
  if (isUnsettled(statefulSet) || !allReady(world, statefulSet)) return undefined;
  return pods.every((pod) => pod.injected) ? 'done' : 'notInjected';
}

/** A delete is over when the new pod runs: it need not become Ready, it was not before. */
function afterDelete(
  { names }: Entry,
  pods: readonly PodFacts[],
  { replicas }: StatefulSetFacts,
): Outcome | undefined {
  if (pods.length < Math.min(names?.length ?? replicas, replicas)) return undefined;
  if (pods.some((pod) => pod.deleting)) return undefined;
  if (pods.some((pod) => !pod.injected)) return 'notInjected';
  return pods.every((pod) => pod.running) ? 'done' : undefined;
}
