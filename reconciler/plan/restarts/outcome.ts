/** Decides how an open restart of the journal has ended, if it has. Pure. */
import { podsOf } from '../../../peers/discovery/pods.ts';
import type { PodFacts, StatefulSetFacts, World } from '../../../peers/world.ts';
import type { JournalEntry, Outcome } from '../journal/journal.ts';
import { allReady, isOfFormer, isReplacedByController, isUnsettled } from './availability.ts';

/** A bump that does not show after this was never written: requests end within a fraction of this time. */
export const TRACE_MS = 20_000;
/** For this long a leader waits for a bare pod of another leader's bump to become Ready, before it judges the bump. */
export const BARE_MS = 120_000;

/** The memory of this leader that counts in an outcome. */
interface Witness {
  /** For how long this leader has seen the entry open, in ms by its own clock: other leaders' clocks may be wrong. */
  readonly seenForMs: number;
  /** True if this leader began the restart and has watched it since. Only then is the restart the cause of a bare pod. */
  readonly watched: boolean;
}

/** The outcome of an open entry, or undefined while the restart is under way. */
export function outcomeOf(entry: JournalEntry, world: World, witness: Witness): Outcome | undefined {
  const outcome = plainOutcome(entry, world, witness);
  return outcome === 'notInjected' && !witness.watched ? 'unwitnessed' : outcome;
}

/** UIDs of the pods that now have the names of the pods to replace. */
export function successorsOf({ statefulSet: key, names }: JournalEntry, world: World): string[] {
  const pods = podsOf(world, world.statefulSets.get(key));
  return pods.filter(({ name }) => names?.includes(name) ?? true).map(({ uid }) => uid);
}

/** True for a bump that does not show in `world`. Its write may still arrive. */
export function isWithoutTrace(entry: JournalEntry, world: World): boolean {
  const statefulSet = world.statefulSets.get(entry.statefulSet);
  if (!statefulSet || entry.kind !== 'bump' || statefulSet.restartToken === entry.token) return false;
  return podsOf(world, statefulSet).some((pod) => entry.uids.includes(pod.uid));
}

/**
 * True for a bump that is on the template and has made no pod yet. Only such a bump may be taken back: otherwise the
 * replaced pod would be replaced again. A pod that others replaced may be of the former template, made by a controller
 * whose cache was behind.
 */
export function isUntouchedBump(entry: JournalEntry, world: World): boolean {
  const statefulSet = world.statefulSets.get(entry.statefulSet);
  if (!statefulSet || entry.kind !== 'bump' || statefulSet.restartToken !== entry.token) return false;
  const pods = podsOf(world, statefulSet);
  const isFormer = (pod: PodFacts) => pod.restartToken !== entry.token && isOfFormer(pod, statefulSet);
  const isLeft = (pod: PodFacts) => !pod.deleting && (entry.uids.includes(pod.uid) || isFormer(pod));
  const wanted = entry.names?.filter((name) => isStillWanted(name, statefulSet));
  const isThere =
    wanted?.every((name) => pods.some((pod) => pod.name === name)) ?? pods.length === statefulSet.replicas;
  return pods.length > 0 && isThere && pods.every(isLeft);
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
  const isOurs = (pod: PodFacts) => pod.deleting || pod.restartToken === entry.token;
  const isTakenBack = entry.why !== undefined && pods.length === statefulSet.replicas && !pods.some(isOurs);
  if (!shows && (isUntouched(entry, old) || isTakenBack)) return withoutTrace(entry, seenForMs);
  if (old.some((pod) => pod.deleting)) return undefined;
  if (entry.kind === 'delete') return afterDelete(entry, named, statefulSet);
  const fresh = named.filter((pod) => !old.includes(pod));
  // A pod without peers may never be Ready, so do not wait for it. But until the bump shows, the pod may be older.
  const isSure = watched ? shows || seenForMs >= TRACE_MS : seenForMs >= BARE_MS;
  if (isSure && fresh.some(isBareAndDown)) return 'notInjected';
  // After a revert, or with a partition or OnDelete, the controller replaces no more old pods, so do not wait for them.
  const isAwaited = shows && old.some((pod) => isReplacedByController(pod, statefulSet));
  return isAwaited ? undefined : afterBump(world, statefulSet, fresh);
}

function withoutTrace({ why }: JournalEntry, seenForMs: number): Outcome | undefined {
  // `why` is written only when the bump was seen on the template, so no write can still arrive.
  if (why !== undefined) return 'defused';
  return seenForMs < TRACE_MS ? undefined : 'void';
}

const isBareAndDown = ({ injected, ready, deleting }: PodFacts): boolean => !injected && !ready && !deleting;

/** True while all pods to replace are still there and none is being deleted; `old` are those that are there. */
const isUntouched = ({ uids }: JournalEntry, old: readonly PodFacts[]): boolean =>
  old.length === uids.length && old.every((pod) => !pod.deleting);

/** A bump is over when the StatefulSet has settled and all its pods are Ready. `pods` are the new ones. */
function afterBump(
  world: World,
  statefulSet: StatefulSetFacts,
  pods: readonly PodFacts[],
): Outcome | undefined {
  if (isUnsettled(world, statefulSet) || !allReady(world, statefulSet)) return undefined;
  return pods.every((pod) => pod.injected) ? 'done' : 'notInjected';
}

/** A delete is over when the new pod runs. The pod need not be Ready, since the former one was not Ready either. */
function afterDelete(
  { names }: JournalEntry,
  pods: readonly PodFacts[],
  statefulSet: StatefulSetFacts,
): Outcome | undefined {
  const { replicas } = statefulSet;
  const { length: wanted } = names?.filter((name) => isStillWanted(name, statefulSet)) ?? {
    length: replicas,
  };
  if (pods.length < Math.min(wanted, replicas)) return undefined;
  if (pods.some((pod) => pod.deleting)) return undefined;
  if (pods.some((pod) => !pod.injected)) return 'notInjected';
  return pods.every((pod) => pod.running) ? 'done' : undefined;
}

/** False for a pod that the StatefulSet will not create again, because it was scaled down since. */
function isStillWanted(pod: string, { name, firstOrdinal, replicas }: StatefulSetFacts): boolean {
  const ordinal = Number(pod.slice(name.length + 1));
  return ordinal >= firstOrdinal && ordinal < firstOrdinal + replicas;
}
