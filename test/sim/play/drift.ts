/**
 * The witness' own check whether a restart of ours was needed: from the stamps of the pods, from the running peers, and
 * from the times at which each peer was first published.
 */

import type { Settings } from '../../../app/settings.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { namersOf, ruleOf } from './links.ts';
import { existingIn, peersOf, publishedFor } from './members.ts';
import type { OurRestart } from './our-restarts.ts';
import { isSmooth, type Plan } from './plan.ts';
import { hasEndedAgain, isReliedOn } from './sidecars.ts';
import type { Stage } from './stage.ts';
import { isUnstamped, knownBy, scheduledAtMs } from './standing.ts';
import type { Witness } from './witness.ts';

const REMEMBERED_MS = 600_000;
/** Within this time the kubelet brings a changed list into the pods of its node. */
const REFRESHED_MS = 180_000;
/** The tolerance for times in whole seconds, and for clocks that are wrong by two seconds. */
const SLACK_MS = 3_500;

interface Edges {
  readonly stage: Stage;
  readonly witness: Witness;
  readonly decidedMs: number;
}

/** Why the restart was not needed; undefined if one of its pods lacked something. */
export function wasNeedless(restart: OurRestart, edges: Edges): string | undefined {
  const found = restart.pods.map((pod) => whyUpToDate(pod, restart, edges));
  return found.every((each) => each !== undefined) ? found.join('; ') : undefined;
}

/** Why a restart would give the pod nothing new; undefined if it would. */
function whyUpToDate(pod: KubeObject, { node, by }: OurRestart, edges: Edges): string | undefined {
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

/** True if the leader must leave the pod to its sidecar, and the pod's HTTP port does not show that the sidecar failed. */
function isLeftToSidecar(
  pod: KubeObject,
  { node, lacking, isolated, settings }: Lack,
  edges: Edges,
): boolean {
  const { stage, witness, decidedMs } = edges;
  if (!isReliedOn(pod, stage.plan) || hasEndedAgain(pod)) return false;
  if (lacking.some((digest) => witness.cores.wasApart(pod, digest))) return false;
  if (!isolated) return true;
  // Just after a change of the list, the leader may have used the deadline of the former list.
  const hasJustChanged = stage.time.nowMs() - witness.publications.changedAtMs(node) <= decidedMs;
  const deadlineMs = settings.reloadDeadlineSeconds * 1000 - SLACK_MS;
  const sinceMs = Math.min(...lacking.map((digest) => witness.publications.sinceMs(node, digest)));
  return !hasJustChanged && stage.time.nowMs() - sinceMs < deadlineMs;
}

/** True if the pod knows a peer that is no longer in its list. Under the rule `all` that is a reason for a restart. */
function namesOneThatLeft(known: readonly string[], node: string, { witness, decidedMs }: Edges): boolean {
  const { publications } = witness;
  if (publications.lately(node, decidedMs).length === 0) return false;
  return known.some((digest) => publications.wasOut(node, digest, decidedMs));
}

/** The rule in force. `all`, the widest, if the rule may have been another when the restart was decided. */
function ruleFor(node: string, settings: Settings, { stage, witness, decidedMs }: Edges): string {
  const rule = ruleOf(stage, node, settings);
  return rule !== undefined && witness.heldForMs(`rules ${node}`, Boolean) > decidedMs ? rule : 'all';
}

/** The peers that the pod is linked to: it knows them, they name it undenied by its port, or its port showed them. */
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

/** Within this time a leader has published what a port showed, so that the next leader knows it too. */
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

/** The peers that name the pod now, and named it when the restart was decided. */
const namedFirmly = (
  { metadata }: KubeObject,
  node: string,
  { stage, witness, decidedMs }: Edges,
): string[] =>
  [...namersOf(stage, node, `${metadata.namespace}/${metadata.name}`)].filter(
    (digest) => witness.heldForMs(`peer ${digest}`, (value) => value === true) > decidedMs,
  );

/** Published peers that run, or ran until a moment ago, and that the pod does not know. */
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
