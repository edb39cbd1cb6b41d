/**
 * What is believed of the sidecar that tells a running stellar-core of new peers. The sidecar reports nothing, so it is
 * believed by the time that has passed, and only where the HTTP port shows nothing else. Pure.
 *
 *   no sidecar, or one that fails                     → nothing is believed
 *   RELOAD_SECONDS after the publication are not over → telling: the restart waits
 *   they are over                                     → told: the peers count as linked, without those that the port
 *                                                       shows as not connected
 *   the pod is isolated, and no connection was shown  → telling until RELOAD_DEADLINE_SECONDS after the list first named
 *                                                       a peer that the pod lacks, however often the list has changed
 *                                                       since; after that nothing is believed
 */
import type { ReloadSidecar } from '../../../peers/read/reload-sidecar.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { PublishedView } from '../../../peers/views/views.ts';
import type { PodFacts, Validator, World } from '../../../peers/world.ts';
import type { Evidence } from '../signals/evidence.ts';
import { updateStrategyOf } from './update-strategy.ts';

export interface ReloadSettings {
  /** How long after the publication of a list a sidecar counts as having told it. */
  readonly reloadMs: number;
  /** How long after the publication of a peer an isolated pod is left to its sidecar. */
  readonly reloadDeadlineMs: number;
}

/** The belief in one pod's sidecar, with the reason to show. Times are wall-clock ms since the epoch. */
type Belief =
  | { readonly kind: 'telling'; readonly reason: Reason; readonly releasedInMs: number }
  | { readonly kind: 'told'; readonly reason: Reason; readonly peers: readonly string[] };

interface BeliefInput {
  readonly pod: PodFacts;
  readonly published: PublishedView;
  readonly settings: ReloadSettings;
  readonly nowMs: number;
  readonly shown: Pick<Evidence, 'seen' | 'apart'>;
  /** The running peers that the pod lacks. */
  readonly lacking: readonly string[];
  /** Since when the list has named one of these; Infinity if that is not known. */
  readonly lackingSinceMs: number;
  /** True if no peer that the pod knows has run lately. */
  readonly isolated: boolean;
  /** True if the pod was seen connected to a peer that has run lately. */
  readonly isConnected: boolean;
}

/** With OnRestart the next restart picks the peers up, whatever the sidecar does. */
export function believesSidecars(validator: Validator, world: World, ownNamespace: string): boolean {
  const verdict = updateStrategyOf(validator, world, ownNamespace);
  return verdict.kind === 'hold' || verdict.strategy !== 'OnRestart';
}

/** A kubelet resets the count of crashes of a container that has run for this long. */
export const CRASHES_COUNT_MS = 600_000;

/** True for a sidecar that cannot start, or crashes again and again. One restart in place is not a loop. */
export function isFailing({ startedAtMs, restarts, problem }: ReloadSidecar, nowMs: number): boolean {
  if (restarts > 1) return startedAtMs === undefined || nowMs - startedAtMs < CRASHES_COUNT_MS;
  return problem !== undefined && problem !== 'CrashLoopBackOff';
}

/** The belief in the pod's sidecar; undefined if nothing is believed. */
export function beliefIn(input: BeliefInput): Belief | undefined {
  const { pod, published, settings, shown, lacking, isolated, isConnected, nowMs } = input;
  // A stellar-core with PREFERRED_PEERS_ONLY drops the peers that it is told of.
  if (!pod.reload || isFailing(pod.reload, nowMs) || pod.mergeOutcome?.code === 'PeersIgnored')
    return undefined;
  // A pod that was made since may have been told for no longer.
  const sinceMs = Math.min(published.publishedAtMs, Math.max(input.lackingSinceMs, pod.createdAtMs));
  const deadlineMs = sinceMs + settings.reloadDeadlineMs;
  const isAlone = isolated && !isConnected;
  if (isAlone && nowMs >= deadlineMs) return undefined;
  const toldAtMs = toldAt(pod.reload, published, settings);
  if (nowMs < toldAtMs) return telling(pod, isAlone ? Math.min(toldAtMs, deadlineMs) : toldAtMs, nowMs);
  const isBelieved = (digest: string) => !shown.apart.includes(digest);
  if (isAlone) return lacking.some(isBelieved) ? telling(pod, deadlineMs, nowMs) : undefined;
  const detail = `${pod.key}, by ${new Date(toldAtMs).toISOString()}`;
  return { kind: 'told', reason: reason('Told', detail), peers: published.digests.filter(isBelieved) };
}

function telling({ key }: PodFacts, untilMs: number, nowMs: number): Belief {
  const why = reason('Telling', `${key}, until ${new Date(untilMs).toISOString()}`);
  return { kind: 'telling', reason: why, releasedInMs: untilMs - nowMs };
}

/**
 * When the list counts as told. A sidecar that was started after the publication reads the list at its start. Its date
 * is by the kubelet's clock, so the deadline bounds the error.
 */
function toldAt(
  { startedAtMs }: ReloadSidecar,
  { publishedAtMs }: PublishedView,
  { reloadMs, reloadDeadlineMs }: ReloadSettings,
): number {
  const soonestMs = publishedAtMs + reloadMs;
  const latestMs = Math.max(soonestMs, publishedAtMs + reloadDeadlineMs);
  return startedAtMs === undefined
    ? latestMs
    : Math.min(Math.max(soonestMs, startedAtMs + reloadMs), latestMs);
}
