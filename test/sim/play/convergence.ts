/**
 * The check at the end of a history, after a time without faults and without actions of people: each validator has all its
 * peers, or waits with a true reason, and the replicas write nothing more.
 */
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { Violation } from './invariants.ts';
import { isJustified } from './justified.ts';
import { namersOf, ruleOf } from './links.ts';
import { existingIn, groupOf, keysOf, liveIn, membersOf, peersOf, publishedFor } from './members.ts';
import { isReliedOn } from './sidecars.ts';
import type { Stage } from './stage.ts';
import { isSuspended, isUnstamped, knownBy, nodeOf, podsOf, scheduledAtMs } from './standing.ts';
import type { Witness } from './witness.ts';

/** Reasons that end by themselves within minutes. At the end no validator may wait for one of them. */
const PASSING = new Set([
  'Stabilizing',
  'WaitingForMinReady',
  'RestartedRecently',
  'TooYoung',
  'NotPublished',
  'StaleCaches',
]);
const SECOND_MS = 1_000;
const REFRESHED_MS = 180_000;

export interface Ending {
  /** Validators that lack something and wait, by reason. */
  readonly held: Readonly<Record<string, number>>;
}

/** Throws a Violation for a validator that lacks something without a reason, and for writes that go on. */
export function checkEnding(stage: Stage, witness: Witness, quietSinceMs: number): Ending {
  const { leader } = stage;
  if (!leader) throw new Violation('ending: no replica leads', 'no replica holds the Lease');
  // A write that a policy refuses or reverts is repeated for ever.
  if (witness.lastWriteAtMs > quietSinceMs && !stage.policies.any) {
    throw new Violation('ending: writes go on', `${witness.lastWrite} at ${witness.lastWriteAtMs} ms`);
  }
  const held: Record<string, number> = {};
  const lacks = lacking(stage, witness);
  for (const key of keysOf(stage.plan)) {
    const node = nodeOf(stage.server.store, key);
    if (node && !isSuspended(node)) checkFiles(stage, key);
    const lack = lacks.get(key);
    if (lack === undefined) continue;
    const code = leader.reasons.get(key)?.code;
    if (code === undefined) throw new Violation('ending: neither done nor held', `${key} ${lack}`);
    checkReason(code, key, { stage, witness });
    held[code] = (held[code] ?? 0) + 1;
  }
  return { held };
}

/** The validators that lack something, each with a description. */
export function lacking(stage: Stage, witness: Witness): Map<string, string> {
  const found = new Map<string, string>();
  for (const key of keysOf(stage.plan)) {
    const node = nodeOf(stage.server.store, key);
    if (!node || isSuspended(node)) continue;
    const lacks = podsOf(stage.server.store, key).map((pod) => lackOf(key, pod, { stage, witness }));
    const lack = lacks.find((each) => each !== undefined);
    if (lack !== undefined) found.set(key, lack);
  }
  return found;
}

function checkReason(
  code: string,
  key: string,
  { stage, witness }: { stage: Stage; witness: Witness },
): void {
  if (PASSING.has(code)) throw new Violation('ending: waits for nothing', `${key} still waits: ${code}`);
  if (!isJustified(code, key, stage, witness))
    throw new Violation('ending: not true', `${key} waits for ${code}`);
}

function checkFiles(stage: Stage, key: string): void {
  const wanted = peersOf(stage, key).map(({ address }) => address);
  if (wanted.length > stage.settings.maxPeers) return;
  const found = publishedFor(stage, key)?.addresses ?? ['nothing'];
  if ([...found].sort().join() === wanted.sort().join()) return;
  throw new Violation('ending: files are wrong', `${key} is told ${found.join()}, not ${wanted.join()}`);
}

/** What a pod lacks by the rules of docs/rollout.md; undefined if nothing. */
function lackOf(
  key: string,
  pod: KubeObject,
  { stage, witness }: { stage: Stage; witness: Witness },
): string | undefined {
  const known = knownBy(pod);
  if (!known) return 'is not injected';
  if (isUnstamped(pod)) return undefined;
  const published = publishedFor(stage, key);
  if (!published) return undefined;
  if (witness.startedAtMs(pod) > published.atMs + REFRESHED_MS) return undefined;
  const live = liveIn(stage, groupOf(stage, key));
  // Compare by the API server's clock, because the clock of a leader may be wrong. Times of pods are whole seconds.
  const couldRead = (digest: string) =>
    witness.publications.sinceMs(key, digest) < scheduledAtMs(pod) + SECOND_MS;
  // Under an unknown rule, every missing peer must be reported as held.
  const rule = ruleOf(stage, key, stage.settings) ?? 'all';
  if (rule === 'all' && namesOneThatLeft(known, { key, pod }, { stage, witness }))
    return 'names one that left';
  const isLinking = rule === 'unlinked';
  const naming = isLinking ? namersOf(stage, key, `${pod.metadata.namespace}/${pod.metadata.name}`) : [];
  const counted = new Set([...known, ...naming]);
  const lacking = published.digests.filter(
    (digest) =>
      live.has(digest) &&
      !counted.has(digest) &&
      !couldRead(digest) &&
      // A peer that the pod's port has shown as connected is not missing.
      !(isLinking && witness.cores.seenForMs(pod, digest) !== undefined),
  );
  // A member's pod may have read a newer list than that of its stamp, and then it dials the validator.
  const perhaps = isLinking ? lacking.filter((digest) => mayName(digest, key, { stage, witness })) : [];
  if (lacking.length === perhaps.length) return undefined;
  for (const digest of perhaps) counted.add(digest);
  if (isLinking) for (const digest of published.digests) if (!live.has(digest)) counted.add(digest);
  const existing = existingIn(stage, key);
  const count = [...counted].filter((digest) => existing.has(digest)).length;
  const { rollBelow } = stage.settings;
  const below = rollBelow === 'all' ? Number.POSITIVE_INFINITY : Number(rollBelow);
  const needed = Math.min(below, published.digests.length);
  const isIsolated = ![...counted].some((digest) => live.has(digest));
  // Rely on the sidecar, except for a pod that knows no running peer and whose port has shown no connection.
  const wasConnected = [...live].some((digest) => witness.cores.seenForMs(pod, digest) !== undefined);
  if (rule !== 'all' && isReliedOn(pod, stage.plan) && (!isIsolated || wasConnected)) return undefined;
  // If the network has more members than a list can hold, any full list is enough.
  const isChosen = peersOf(stage, key).length > published.digests.length;
  if (!isIsolated && isChosen && count >= published.digests.length) return undefined;
  return isIsolated || rule === 'all' || count < needed ? `knows ${count} of ${needed} it needs` : undefined;
}

/** True if the pod knows a peer that has left, and started before the present list of its validator was published. */
function namesOneThatLeft(
  known: readonly string[],
  { key, pod }: { key: string; pod: KubeObject },
  { stage, witness }: Sight,
): boolean {
  const peers = peersOf(stage, key).map(({ digest }) => digest);
  const isOlder = witness.publications.changedAtMs(key) >= scheduledAtMs(pod) + SECOND_MS;
  return isOlder && peers.length > 0 && known.some((digest) => !peers.includes(digest));
}

/** True if the member's pod was scheduled, or started again, after its files named the validator. */
function mayName(digest: string, key: string, { stage, witness }: Sight): boolean {
  const owns = membersOf(stage, key).map((member) => member.digest);
  return keysOf(stage.plan)
    .filter((other) => membersOf(stage, other).some((member) => member.digest === digest))
    .flatMap((other) => podsOf(stage.server.store, other).map((pod) => ({ other, pod })))
    .some(({ other, pod }) =>
      owns.some((own) => {
        const sinceMs = witness.publications.sinceMs(other, own);
        return (
          sinceMs < scheduledAtMs(pod) + SECOND_MS ||
          sinceMs + REFRESHED_MS < witness.startedAtMs(pod) + SECOND_MS
        );
      }),
    );
}

interface Sight {
  readonly stage: Stage;
  readonly witness: Witness;
}
