/**
 * What became of a restart that the journal has open: over, never happened, to be taken back, or still under way. Pure.
 */

import { podsOf } from '../../../peers/discovery/pods.ts';
import type { PodFacts, StatefulSetFacts, World } from '../../../peers/world.ts';
import type { JournalEntry, Outcome } from '../journal/journal.ts';
import { allReady, isOfFormer, isReplacedByController, isUnsettled } from './availability.ts';

/** A write that has left no trace after this never happened: requests end within a fraction of it. */
export const TRACE_MS = 20_000;
/** For so long a leader that did not begin a bump waits for a bare pod to turn Ready: its group is not stopped for that pod. */
export const BARE_MS = 120_000;

/** What an outcome is judged by, beside the world. */
interface Witness {
  /** For how long this leader has seen the entry open, in ms by its own clock: others' clocks may be wrong. */
  readonly seenForMs: number;
  /** True if the same leader began the restart and has watched since: only then is a bare pod its doing. */
  readonly watched: boolean;
}

/** The outcome of an open entry, or undefined while it is under way. */
export function outcomeOf(entry: JournalEntry, world: World, witness: Witness): Outcome | undefined {
  const outcome = plainOutcome(entry, world, witness);
  return outcome === 'notInjected' && !witness.watched ? 'unwitnessed' : outcome;
}

/** UIDs of the pods that are there by the names of those that were to be replaced. */
export function successorsOf({ statefulSet: key, names }: JournalEntry, world: World): string[] {
  const statefulSet = world.statefulSets.get(key);
  const pods = statefulSet ? podsOf(world, statefulSet) : [];
  return pods.filter(({ name }) => names?.includes(name) ?? true).map(({ uid }) => uid);
}

/** True for a bump that shows nowhere, though its write may still be on its way. */
export function isWithoutTrace(entry: JournalEntry, world: World): boolean {
  const statefulSet = world.statefulSets.get(entry.statefulSet);
  if (!statefulSet || entry.kind !== 'bump' || statefulSet.restartToken === entry.token) return false;
  return podsOf(world, statefulSet).some((pod) => entry.uids.includes(pod.uid));
}

/**
 * True for a bump that is on the template and has made no pod yet. Later, taking it back would replace that one again. A
 * pod that others replaced may be of the former template, by a controller whose cache was behind.
 */
export function isUntouchedBump(entry: JournalEntry, world: World): boolean {
  const statefulSet = world.statefulSets.get(entry.statefulSet);
  if (!statefulSet || entry.kind !== 'bump' || statefulSet.restartToken !== entry.token) return false;
  const pods = podsOf(world, statefulSet);
  const isFormer = (pod: PodFacts) => pod.restartToken !== entry.token && isOfFormer(pod, statefulSet);
  const isLeft = (pod: PodFacts) => !pod.deleting && (entry.uids.includes(pod.uid) || isFormer(pod));
  return pods.length > 0 && pods.length === statefulSet.replicas && pods.every(isLeft);
}

function plainOutcome(
  entry: JournalEntry,
  world: World,
  { seenForMs, watched }: Witness,
): Outcome | undefined {
  const statefulSet = world.statefulSets.get(entry.statefulSet);
  if (!statefulSet) return 'gone';
  const pods = podsOf(world, statefulSet);
  const old = pods.filter((pod) => entry.uids.includes(pod.uid));
  const named = pods.filter(({ name }) => entry.names?.includes(name) ?? true);
  const shows = entry.kind === 'bump' && statefulSet.restartToken === entry.token;
  if (isUntouchedBump(entry, world)) return undefined;
  if (!shows && isUntouched(entry, old)) return goneBefore(entry, seenForMs);
  if (old.some((pod) => pod.deleting)) return undefined;
  if (entry.kind === 'delete') return afterDelete(entry, named, statefulSet);
  const fresh = named.filter((pod) => !old.includes(pod));
  // Without peers it may never be Ready, and the StatefulSet waits for it. Until the write shows, it may be older than that.
  const isSure = watched ? shows || seenForMs >= TRACE_MS : seenForMs >= BARE_MS;
  if (isSure && fresh.some(isBareAndDown)) return 'notInjected';
  // One that is reverted, or held by a partition or OnDelete, when some of its pods were replaced is over when the rest has settled.
  const isAwaited = shows && old.some((pod) => isReplacedByController(pod, statefulSet));
  return isAwaited ? undefined : afterBump(world, statefulSet, fresh);
}

/** What became of one whose write shows nowhere, and of which no pod was replaced. */
function goneBefore({ why }: JournalEntry, seenForMs: number): Outcome | undefined {
  // Noted when its write was seen on the template: nothing of it is on its way.
  if (why !== undefined) return 'defused';
  return seenForMs < TRACE_MS ? undefined : 'void';
}

const isBareAndDown = ({ injected, ready, deleting }: PodFacts): boolean => !injected && !ready && !deleting;

/** True while all pods that were to be replaced are there; `old` are those that are. */
const isUntouched = ({ uids }: JournalEntry, old: readonly PodFacts[]): boolean =>
  old.length === uids.length && old.every((pod) => !pod.deleting);

/** A bump is over when the StatefulSet has settled and all its pods are Ready; `pods` are those that are new. */
function afterBump(
  world: World,
  statefulSet: StatefulSetFacts,
  pods: readonly PodFacts[],
): Outcome | undefined {
  if (isUnsettled(world, statefulSet) || !allReady(world, statefulSet)) return undefined;
  return pods.every((pod) => pod.injected) ? 'done' : 'notInjected';
}

/** A delete is over when the new pod runs: it need not become Ready, it was not before. */
function afterDelete(
  { names }: JournalEntry,
  pods: readonly PodFacts[],
  statefulSet: StatefulSetFacts,
): Outcome | undefined {
  const { replicas } = statefulSet;
  const { length: wanted } = names?.filter((name) => isWanted(name, statefulSet)) ?? { length: replicas };
  if (pods.length < Math.min(wanted, replicas)) return undefined;
  if (pods.some((pod) => pod.deleting)) return undefined;
  if (pods.some((pod) => !pod.injected)) return 'notInjected';
  return pods.every((pod) => pod.running) ? 'done' : undefined;
}

/** False for a pod that the StatefulSet was scaled below since, which will not come again. */
function isWanted(pod: string, { name, firstOrdinal, replicas }: StatefulSetFacts): boolean {
  const ordinal = Number(pod.slice(name.length + 1));
  return ordinal >= firstOrdinal && ordinal < firstOrdinal + replicas;
}
