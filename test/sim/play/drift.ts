/**
 * Whether a validator lacked what a restart of ours gives it, worked out by the witness: from what its pods were
 * stamped with, who lives, and when each peer stood in its files for the first time.
 */
import type { KubeObject } from '../../../runtime/kube.ts';
import type { Settings } from '../../../settings.ts';
import { existingIn, publishedFor } from './members.ts';
import type { Stage } from './stage.ts';
import { knownBy, scheduledAtMs } from './standing.ts';
import type { OurRestart, Witness } from './witness.ts';

const REMEMBERED_MS = 600_000;
/** Whole seconds, and clocks that are two seconds off. */
const SLACK_MS = 3_500;

interface Edges {
  readonly stage: Stage;
  readonly witness: Witness;
  readonly decidedMs: number;
}

/** Why the restart was for nothing; undefined if one of its pods lacked something. */
export function wasNeedless(restart: OurRestart, edges: Edges): string | undefined {
  const found = restart.pods.map((pod) => fineness(pod, restart, edges));
  return found.every((each) => each !== undefined) ? found.join('; ') : undefined;
}

/** Why a pod lacks nothing that a restart would bring; undefined if it does. */
function fineness(pod: KubeObject, { node, by }: OurRestart, edges: Edges): string | undefined {
  const known = knownBy(pod);
  if (!known) return undefined;
  const { stage, witness } = edges;
  const name = pod.metadata.name;
  const lacking = missedBy(known, node, edges);
  if (lacking.length === 0) return `${name} knows everybody who lives`;
  const isolated = !known.some((digest) => wasLive(digest, witness));
  if (!isolated && !isShort(known, node, stage.settingsOf(by), edges)) return `${name} knows enough`;
  const startMs = scheduledAtMs(pod) - SLACK_MS;
  const unread = lacking.filter((digest) => witness.publications.sinceMs(node, digest) >= startMs);
  return unread.length > 0 ? undefined : `${name} has read of ${lacking.join()} when it started`;
}

/** Published peers that live, or did until a moment ago, and that are not known. */
function missedBy(known: readonly string[], node: string, { witness, decidedMs }: Edges): string[] {
  const isLive = (digest: string) => {
    const goneMs = witness.heldForMs(`peer ${digest}`, (value) => value === false);
    return witness.valueOf(`peer ${digest}`) === true || (goneMs > 0 && goneMs <= decidedMs);
  };
  return witness.publications
    .lately(node, decidedMs)
    .filter((digest) => !known.includes(digest) && isLive(digest));
}

function wasLive(digest: string, witness: Witness): boolean {
  if (witness.valueOf(`peer ${digest}`) === true) return true;
  const goneMs = witness.heldForMs(`peer ${digest}`, (value) => value === false);
  return witness.valueOf(`peer ${digest}`) === false && goneMs < REMEMBERED_MS - SLACK_MS;
}

function isShort(
  known: readonly string[],
  node: string,
  { rollBelow }: Settings,
  { stage, witness, decidedMs }: Edges,
) {
  const existing = existingIn(stage, node);
  const count = known.filter(
    (digest) => existing.has(digest) && witness.heldForMs(`exists ${digest}`, Boolean) > decidedMs,
  ).length;
  const below = rollBelow === 'all' ? Number.POSITIVE_INFINITY : Number(rollBelow);
  const published = Math.max(
    publishedFor(stage, node)?.digests.length ?? 0,
    witness.publications.lately(node, decidedMs).length,
  );
  return count < Math.min(below, published);
}
