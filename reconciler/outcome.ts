/**
 * What became of a restart that the journal has open: over, never happened, or still under way. Pure.
 */
import type { PodFacts, StatefulSetFacts, World } from '../peers/world.ts';
import { allReady, isUnsettled, podsOf } from './availability.ts';
import type { Entry, Outcome } from './journal.ts';

/** A write that has left no trace after this never happened: requests end within a fraction of it. */
const TRACE_MS = 20_000;

/** What an outcome is judged by, beside the world. */
interface Witness {
  /** Wall-clock ms since the epoch. */
  readonly nowMs: number;
  /** True if the same leader began the restart and has watched since: only then is a bare pod its doing. */
  readonly watched: boolean;
}

/** The outcome of an open entry, or undefined while it is under way. */
export function outcomeOf(entry: Entry, world: World, { nowMs, watched }: Witness): Outcome | undefined {
  const outcome = plainOutcome(entry, world, nowMs);
  return outcome === 'notInjected' && !watched ? 'unwitnessed' : outcome;
}

function plainOutcome(entry: Entry, world: World, nowMs: number): Outcome | undefined {
  const statefulSet = world.statefulSets.get(entry.statefulSet);
  if (!statefulSet) return 'gone';
  const pods = podsOf(world, statefulSet);
  const old = pods.filter((pod) => entry.uids.includes(pod.uid));
  if (old.length > 0) {
    const begun = hasBegun(entry, statefulSet, old);
    return begun || nowMs - entry.atMs < TRACE_MS ? undefined : 'void';
  }
  return entry.kind === 'bump' ? afterBump(world, statefulSet, pods) : afterDelete(statefulSet, pods);
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
function afterDelete(statefulSet: StatefulSetFacts, pods: readonly PodFacts[]): Outcome | undefined {
  if (pods.length < statefulSet.replicas || pods.some((pod) => pod.deleting)) return undefined;
  if (pods.some((pod) => !pod.injected)) return 'notInjected';
  return pods.every((pod) => pod.running) ? 'done' : undefined;
}
