/**
 * Holds restarts by the state that validators report over their HTTP ports. Pure.
 *
 *   before a restart    a validator of the same namespace and network reports that one more failure stops it
 *                                                                                      → QuorumFragile
 *   after a restart     the new pod does not report yet that it is synced               → NotSynced, for its namespace
 *
 * A report of another namespace holds nothing, and neither does a port that does not answer.
 */
import type { Cluster, Discovery } from '../../../peers/discovery/discover.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { Key, PodFacts, Validator, World } from '../../../peers/world.ts';
import type { JournalEntry } from '../journal/journal.ts';
import { isUp, UNCOUNTED } from '../restarts/availability.ts';
import type { Wait } from '../restarts/rate-limit.ts';
import { evidenceIn, NOTHING } from '../signals/evidence.ts';
import type { QuorumVerdict } from './quorum-verdict.ts';

interface FragileInput extends Cluster {
  readonly settings: {
    readonly ownNamespace: string;
    readonly quorumCheck: 'hold' | 'warn' | 'off';
  };
}

/** Whether one more failure would stop the validator, or another of its namespace and network, as they report. */
export function fragileVerdict(validator: Validator, input: FragileInput): QuorumVerdict {
  const { quorumCheck } = input.settings;
  const why = quorumCheck === 'off' ? undefined : fragileReason(validator, input);
  if (!why) return {};
  return quorumCheck === 'hold' ? { hold: why } : { remark: why };
}

function fragileReason(
  validator: Validator,
  { world, discovery, settings }: FragileInput,
): Reason | undefined {
  const evidence = evidenceIn(world.configMaps.get(settings.ownNamespace));
  if (evidence.size === 0) return undefined;
  const isUnsynced = ({ uid }: PodFacts): boolean => evidence.get(uid)?.state?.synced === false;
  // A validator that is out of sync has no vote to lose. Those that miss its vote report that already.
  if (readyPodsOf(validator.key, world, discovery).some(isUnsynced)) return undefined;
  const counted = (discovery.activeIn.get(validator.namespace) ?? [])
    .filter(({ network }) => network.id === validator.network.id)
    .filter((other) => other.budget !== UNCOUNTED || other === validator);
  for (const pod of counted.flatMap(({ key }) => readyPodsOf(key, world, discovery))) {
    const { failAt } = evidence.get(pod.uid)?.state ?? {};
    if (failAt !== undefined && failAt <= 1) return reason('QuorumFragile', `${pod.key}: fail_at ${failAt}`);
  }
  return undefined;
}

/** Only Ready pods, because another one may not have heard its quorum yet. */
function readyPodsOf(key: Key, world: World, { statefulSetOf }: Discovery): PodFacts[] {
  return podsOf(world, statefulSetOf.get(key)).filter(isUp);
}

/** How long a port that answered before the restart may take to answer again, once the new pod is Ready. */
const ANSWERS_MS = 60_000;

interface SyncInput {
  readonly world: World;
  readonly nowMs: number;
  readonly settings: { readonly ownNamespace: string; readonly progressDeadlineMs: number };
  readonly readyForMs: (pod: PodFacts) => number;
}

/**
 * Restarts that have ended, but whose new pods do not report that they are synced; by StatefulSet. Only their own
 * namespace waits for them. Only bumps: a pod that was deleted was down before, and may need other restarts first.
 */
export function unsyncedAfter(entries: readonly JournalEntry[], input: SyncInput): Map<Key, Wait> {
  const last = new Map(entries.map((entry) => [entry.statefulSet, entry]));
  const found = new Map<Key, Wait>();
  for (const [key, entry] of last) {
    const wait = entry.outcome === 'done' && entry.kind === 'bump' ? unsynced(entry, input) : undefined;
    if (wait) found.set(key, wait);
  }
  return found;
}

function unsynced(entry: JournalEntry, { world, nowMs, settings, readyForMs }: SyncInput): Wait | undefined {
  const evidence = evidenceIn(world.configMaps.get(settings.ownNamespace));
  for (const pod of podsOf(world, world.statefulSets.get(entry.statefulSet))) {
    const { state, back } = evidence.get(pod.uid) ?? NOTHING;
    if (back || !entry.after?.includes(pod.uid)) continue;
    const deadlineMs = entry.atMs + settings.progressDeadlineMs - nowMs;
    if (state && deadlineMs <= 0) return { reason: unsyncedFor(entry) };
    if (state) return { reason: reason('NotSynced', pod.key), releasedInMs: deadlineMs };
    const answerMs = ANSWERS_MS - readyForMs(pod);
    if (entry.answered && answerMs > 0)
      return { reason: reason('NotSynced', `${pod.key} does not answer yet`), releasedInMs: answerMs };
  }
  return undefined;
}

/** It is Ready: bringing it up, as other restarts that take too long need it, would not help. */
function unsyncedFor({ statefulSet, atMs }: JournalEntry): Reason {
  const [namespace = '', name = ''] = statefulSet.split('/');
  return reason(
    'Stalled',
    `${statefulSet}, since ${new Date(atMs).toISOString()}; its HTTP port does not say that it is synced`,
    `Its namespace goes on when it is synced. What stands in its way: stellar-peers explain ${name} -n ${namespace}`,
  );
}

/** The wait of a Ready validator for its own namespace. */
export const namespaceWait = (namespace: string, unsyncedBy: ReadonlyMap<Key, Wait>): Wait | undefined =>
  [...unsyncedBy].find(([key]) => key.startsWith(`${namespace}/`))?.[1];

/** True if the HTTP port of one of these pods answers. */
export const answers = (
  pods: ReadonlyArray<{ readonly uid: string }>,
  world: World,
  own: string,
): boolean => {
  const evidence = evidenceIn(world.configMaps.get(own));
  return pods.some(({ uid }) => evidence.get(uid)?.state !== undefined);
};
