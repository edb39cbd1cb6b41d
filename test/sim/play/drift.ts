/**
 * Whether a validator lacked what a restart of ours gives it, worked out by the witness: from what its pods were
 * stamped with, who lives, and when each peer stood in its files for the first time.
 */

import type { Settings } from '../../../app/settings.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { namersOf, ruleOf } from './links.ts';
import { existingIn, peersOf, publishedFor } from './members.ts';
import type { OurRestart } from './our-restarts.ts';
import { isSmooth, type Plan } from './plan.ts';
import { hasEndedAgain, isBelieved } from './sidecars.ts';
import type { Stage } from './stage.ts';
import { isUnstamped, knownBy, scheduledAtMs } from './standing.ts';
import type { Witness } from './witness.ts';

const REMEMBERED_MS = 600_000;
/** Within this time the kubelet brings a changed list into the pods of its node. */
const REFRESHED_MS = 180_000;
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
  if (isUnstamped(pod)) return `it is not known what ${name} knows`;
  const settings = stage.settingsOf(by);
  const rule = ruleFor(node, settings, edges);
  const linked = rule === 'unlinked' ? linkedFirmly(pod, known, node, edges) : known;
  if (rule === 'all' && namesOneThatLeft(known, node, edges)) return undefined;
  const lacking = missedBy(linked, node, edges);
  if (lacking.length === 0)
    return `${name} is ${rule === 'unlinked' ? 'linked to' : 'told of'} all that live`;
  const isolated = !linked.some((digest) => wasLive(digest, witness));
  if (!isolated && rule !== 'all' && !isShort(linked, node, settings, edges)) return `${name} knows enough`;
  if (rule !== 'all' && isLeftToSidecar(pod, { node, lacking, isolated, settings }, edges))
    return `${name} is told by its sidecar`;
  if (witness.rebootedAtMs(pod) > witness.publications.changedAtMs(node) + REFRESHED_MS + SLACK_MS)
    return `${name} has read its list when its machine started anew`;
  const startMs = scheduledAtMs(pod) - SLACK_MS;
  const unread = lacking.filter((digest) => witness.publications.sinceMs(node, digest) >= startMs);
  return unread.length > 0 ? undefined : `${name} has read of ${lacking.join()} when it started`;
}

interface Lack {
  readonly node: string;
  readonly lacking: readonly string[];
  readonly isolated: boolean;
  readonly settings: Settings;
}

/** True where the sidecar is believed to mend it, or is given the time, and the pod's port does not say otherwise. */
function isLeftToSidecar(
  pod: KubeObject,
  { node, lacking, isolated, settings }: Lack,
  edges: Edges,
): boolean {
  const { stage, witness, decidedMs } = edges;
  if (!isBelieved(pod, stage.plan) || hasEndedAgain(pod)) return false;
  if (lacking.some((digest) => witness.cores.wasApart(pod, digest))) return false;
  if (!isolated) return true;
  // Before the last change of its list the deadline was another.
  const hasJustChanged = stage.time.nowMs() - witness.publications.changedAtMs(node) <= decidedMs;
  const deadlineMs = settings.reloadDeadlineSeconds * 1000 - SLACK_MS;
  const sinceMs = Math.min(...lacking.map((digest) => witness.publications.sinceMs(node, digest)));
  return !hasJustChanged && stage.time.nowMs() - sinceMs < deadlineMs;
}

/** True where its list changed since it started and names others: under `all` that is reason enough. */
function namesOneThatLeft(known: readonly string[], node: string, { witness, decidedMs }: Edges): boolean {
  const { publications } = witness;
  if (publications.lately(node, decidedMs).length === 0) return false;
  return known.some((digest) => publications.wasOut(node, digest, decidedMs));
}

/** The rule in force; the widest where it is not known to have been in force when the restart was decided. */
function ruleFor(node: string, settings: Settings, { stage, witness, decidedMs }: Edges): string {
  const rule = ruleOf(stage, node, settings);
  return rule !== undefined && witness.heldForMs(`rules ${node}`, Boolean) > decidedMs ? rule : 'all';
}

/** Those that it knows, or that name it and are not apart by what its port says, or that the port showed as connected. */
function linkedFirmly(pod: KubeObject, known: readonly string[], node: string, edges: Edges): string[] {
  const { cores } = edges.witness;
  const naming = namedFirmly(pod, node, edges).filter((digest) => !cores.wasApart(pod, digest));
  const shown = isSteady(edges.stage.plan)
    ? peersOf(edges.stage, node)
        .map(({ digest }) => digest)
        .filter((digest) => (cores.seenForMs(pod, digest) ?? 0) > KEPT_MS)
    : [];
  return [...new Set([...known, ...naming, ...shown])];
}

/** By then what a port showed stands where the next leader finds it, if no leader was lost before it wrote. */
const KEPT_MS = 60_000;
const LOSING = [
  'kill',
  'stop',
  'killAtRequest',
  'release',
  'dropOwn',
  'refuse',
  'lateKind',
  'crashLoop',
  'skew',
];
const isSteady = (plan: Plan): boolean =>
  isSmooth(plan) && !plan.actions.some((action) => LOSING.includes(action.do));

/** Those that name the pod, and did when the restart was decided. */
const namedFirmly = (
  { metadata }: KubeObject,
  node: string,
  { stage, witness, decidedMs }: Edges,
): string[] =>
  [...namersOf(stage, node, `${metadata.namespace}/${metadata.name}`)].filter(
    (digest) => witness.heldForMs(`peer ${digest}`, (value) => value === true) > decidedMs,
  );

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
