/**
 * What must be so in the end, when nothing goes wrong any more and nobody acts: everything is as it should be, or
 * waits with a reason that is told, and nothing is written any more.
 */
import type { KubeObject } from '../../../runtime/kube.ts';
import { Violation } from './invariants.ts';
import { isJustified } from './justified.ts';
import { existingIn, groupOf, keysOf, liveIn, peersOf, publishedFor } from './members.ts';
import type { Stage } from './stage.ts';
import { isSuspended, knownBy, nodeOf, podsOf, scheduledAtMs, startedAtMs } from './standing.ts';
import type { Witness } from './witness.ts';

/** Reasons that pass by themselves within minutes: in the end nobody may still wait for one. */
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

/** Throws a Violation where something is neither as it should be nor held. */
export function checkEnding(stage: Stage, witness: Witness, quietSinceMs: number): Ending {
  const { leader } = stage;
  if (!leader) throw new Violation('ending: nobody leads', 'no replica holds the Lease');
  if (witness.lastWriteAtMs > quietSinceMs) {
    throw new Violation('ending: writes go on', `${witness.lastWrite} at ${witness.lastWriteAtMs} ms`);
  }
  const held: Record<string, number> = {};
  for (const key of keysOf(stage.plan)) {
    const node = nodeOf(stage.server.store, key);
    if (!node || isSuspended(node)) continue;
    checkFiles(stage, key);
    const lack = podsOf(stage.server.store, key)
      .map((pod) => lackOf(key, pod, { stage, witness }))
      .find((found) => found !== undefined);
    if (lack === undefined) continue;
    const code = leader.reasons.get(key)?.code;
    if (code === undefined) throw new Violation('ending: neither done nor held', `${key} ${lack}`);
    checkReason(code, key, { stage, witness });
    held[code] = (held[code] ?? 0) + 1;
  }
  return { held };
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

/** What a pod lacks by the rules of DESIGN; undefined if nothing. */
function lackOf(
  key: string,
  pod: KubeObject,
  { stage, witness }: { stage: Stage; witness: Witness },
): string | undefined {
  const known = knownBy(pod);
  if (!known) return 'is not injected';
  const published = publishedFor(stage, key);
  if (!published) return undefined;
  if (startedAtMs(pod) > published.atMs + REFRESHED_MS) return undefined;
  const live = liveIn(stage, groupOf(stage, key));
  // By the API server's clock, whatever the leader's was that dated the view. Times of pods are whole seconds.
  const couldRead = (digest: string) =>
    witness.publications.sinceMs(key, digest) < scheduledAtMs(pod) + SECOND_MS;
  const lacking = published.digests.filter(
    (digest) => live.has(digest) && !known.includes(digest) && !couldRead(digest),
  );
  if (lacking.length === 0) return undefined;
  const existing = existingIn(stage, key);
  const count = known.filter((digest) => existing.has(digest)).length;
  const { rollBelow } = stage.settings;
  const below = rollBelow === 'all' ? Number.POSITIVE_INFINITY : Number(rollBelow);
  const needed = Math.min(below, published.digests.length);
  const isIsolated = !known.some((digest) => live.has(digest));
  return isIsolated || count < needed ? `knows ${count} of ${needed} it needs` : undefined;
}
