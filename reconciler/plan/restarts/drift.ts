/**
 * Drift: why a pod may need a restart, by the peers that it started with and the published ones. Pure.
 *
 *   pod is …            and …                                                     → verdict
 *   not injected        it is newer than the webhook, or adopted                    → notInjected
 *                       it is older                                                 → held, with the reason
 *   injected, no stamp  or a stamp in an unknown format                             → held, with the reason
 *   injected, isolated  its view has had no live peer for 10 min (if empty: at once)
 *                       and the published view has one                              → isolated
 *   injected, short     live peers are missing and it knows fewer than it should    → short
 *                       … but they are linked, and ROLL_FOR is `unlinked`           → none
 *                       … but they drop peers that they do not prefer (not for `all`) → none
 *                       … but its configuration was found not to take them          → held, with the reason
 *                       … but its sidecar tells, or has told, them (reload-belief.ts; not for `all`) → held: Telling, Told
 *                       it runs with a peer that left, and ROLL_FOR is `all`        → short
 *   anything else                                                                   → none
 *
 * ROLL_FOR (roll-for.ts) decides which peers are missing: those that the pod's own list lacks, or those that neither end
 * knows. If admission would not inject the next pod (opted out, names taken, not selected), any drift is held.
 */
import { CLOCK_BEHIND_MS } from '../../../peers/clock-error.ts';
import type { Group, Moment } from '../../../peers/discovery/discover.ts';
import { digestsOfPod } from '../../../peers/discovery/pods.ts';
import { placesFor } from '../../../peers/injection/inject.ts';
import { foundNoPeers, mergeProblem } from '../../../peers/injection/merge-outcome.ts';
import { whyNotInjected } from '../../../peers/injection/successor.ts';
import { MAIN_CONTAINER, PLACES_ASIDE } from '../../../peers/names.ts';
import { mainContainerOf } from '../../../peers/read/pod-shape.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { PublishedView } from '../../../peers/views/views.ts';
import type { PodFacts, StatefulSetFacts, Validator } from '../../../peers/world.ts';
import type { Evidence } from '../signals/evidence.ts';
import type { ListedSince } from './listed-memory.ts';
import type { Liveness } from './liveness.ts';
import { beliefIn, believesSidecars, type ReloadSettings } from './reload-belief.ts';
import { type RollFor, type RollForSetting, rollForOf } from './roll-for.ts';

/** Those that lack most come first. */
export const BY_LACK: readonly DriftKind[] = ['isolated', 'notInjected', 'short'];

export type DriftKind = 'notInjected' | 'isolated' | 'short';

export type DriftVerdict =
  | { readonly kind: 'none' }
  /** `releasedInMs`: the wait until the hold may end by itself, if that is known. */
  | { readonly kind: 'held'; readonly reason: Reason; readonly releasedInMs?: number }
  | { readonly kind: 'drift'; readonly drift: DriftKind };

export interface DriftSettings extends ReloadSettings {
  readonly ownNamespace: string;
  /** A pod that knows this many peers is not restarted for more peers; Infinity to restart for every change. */
  readonly rollBelow: number;
  readonly rollFor: RollForSetting;
  readonly adoptExisting: boolean;
}

export interface Links {
  /** Digests of the members that the pod is linked to, apart from its own list. */
  linkedTo(pod: PodFacts): ReadonlySet<string>;
  /** The evidence of the pod's HTTP port about its connections. */
  shownBy(pod: PodFacts): Pick<Evidence, 'seen' | 'apart'>;
  /** True for a member that drops peers which it does not prefer. */
  mayDrop(digest: string): boolean;
  /** The entries of a list that the pod's stellar-core dials, or would dial if it started with that list. */
  dialled(pod: PodFacts, listed: readonly string[]): readonly string[];
}

/** The facts by which all pods of a group are evaluated. */
export interface GroupFacts extends Omit<Moment, 'discovery'> {
  readonly group: Group;
  readonly liveness: Liveness;
  readonly links: Links;
  readonly listedSinceMs: ListedSince;
  readonly settings: DriftSettings;
}

interface DriftInput extends GroupFacts {
  readonly validator: Validator;
  readonly statefulSet: StatefulSetFacts;
  readonly pod: PodFacts;
  readonly published: PublishedView | undefined;
}

const NONE: DriftVerdict = { kind: 'none' };
const held = (why: Reason): DriftVerdict => ({ kind: 'held', reason: why });
const drift = (kind: DriftKind): DriftVerdict => ({ kind: 'drift', drift: kind });
const NOT_INJECTED = drift('notInjected');

/** The drift of one running pod, if its successor would not have it. A pod that is not injected counts only as such. */
export function evaluatePod(input: DriftInput): DriftVerdict {
  const { validator, statefulSet, pod, world, settings } = input;
  const rule = rollForOf(validator, world, settings.rollFor);
  // Under an unknown rule, every missing peer counts, so that the pod is shown as held.
  const lack = pod.injected ? judgeView(input, rule.kind === 'hold' ? 'all' : rule.rollFor) : NOT_INJECTED;
  if (lack.kind !== 'drift') return lack;
  const unhelped =
    whyNotInjected(validator, statefulSet, world) ??
    (pod.injected ? undefined : unadopted(input)) ??
    (rule.kind === 'hold' ? rule.reason : undefined);
  return unhelped ? held(unhelped) : lack;
}

/** Why we must not restart a bare pod: it may have started before the webhook existed, or could inject it. */
function unadopted({ world, validator, statefulSet, pod, settings }: DriftInput): Reason | undefined {
  const namespace = world.namespaces.get(validator.namespace);
  if (settings.adoptExisting || validator.adopt === 'now' || namespace?.adopt === 'now') return undefined;
  // Timestamps are whole seconds. A pod of the same second counts as older, because in doubt there is no restart.
  const isOlder = world.webhook === undefined || pod.createdAtMs <= world.webhook.createdAtMs;
  const main = mainContainerOf(statefulSet.template);
  // Earlier versions knew only our usual path, and took the first container for the main one.
  const isAnother = main?.name !== MAIN_CONTAINER && main !== statefulSet.template.containers[0];
  const wasLeftAlone = main !== undefined && (placesFor(main) === PLACES_ASIDE || isAnother);
  return isOlder || wasLeftAlone ? reason('AwaitingAdoption') : undefined;
}

function judgeView(input: DriftInput, rollFor: RollFor): DriftVerdict {
  const { pod, published, liveness, links } = input;
  if (!published || published.hash === pod.peerHash || hasReadPublished(pod, published)) return NONE;
  // A pod without a stamp, like one with an unreadable stamp, does not show what it knows.
  const running = digestsOfPod(pod);
  if (!running) return held(reason('UnreadableView', pod.peers?.slice(0, 20)));
  const known = new Set(rollFor === 'unlinked' ? [...running, ...links.linkedTo(pod)] : running);
  const counts = (digest: string) => liveness.isLive(digest) && (rollFor === 'all' || !links.mayDrop(digest));
  const gained = rollFor === 'unlinked' ? links.dialled(pod, published.digests) : published.digests;
  const lacking = gained.filter((digest) => counts(digest) && !known.has(digest));
  const sufficient = () =>
    rollFor === 'all' && namesOneThatLeft(running, input) ? driftOf(pod, 'short') : NONE;
  if (lacking.length === 0) return sufficient();
  // A peer that is being replaced may have named this pod, and its next pod will.
  if (rollFor === 'unlinked') for (const digest of absentOf(published, liveness)) known.add(digest);
  const isolated = ![...known].some((digest) => liveness.wasLive(digest));
  const isEnough = rollFor === 'all' ? isOtherChoice(known, input) : !isShort(known, input);
  if (!isolated && isEnough) return sufficient();
  const told =
    rollFor === 'all' ? undefined : mendedByTelling({ known, lacking, isolated }, input, published);
  return told ?? driftOf(pod, isolated ? 'isolated' : 'short');
}

interface Lack {
  readonly known: ReadonlySet<string>;
  readonly lacking: readonly string[];
  readonly isolated: boolean;
}

/** The hold while the sidecar tells the pod of the peers that it lacks, or after it has; undefined if that mends nothing. */
function mendedByTelling(
  { known, lacking, isolated }: Lack,
  input: DriftInput,
  published: PublishedView,
): DriftVerdict | undefined {
  const { pod, validator, world, settings, links, liveness, nowMs } = input;
  if (!pod.reload || !believesSidecars(validator, world, settings.ownNamespace)) return undefined;
  const shown = links.shownBy(pod);
  const isConnected = shown.seen.some((digest) => liveness.wasLive(digest));
  const lackingSinceMs = input.listedSinceMs(validator.key, lacking);
  const facts = { pod, published, settings, nowMs, shown, lacking, lackingSinceMs };
  const belief = beliefIn({ ...facts, isolated, isConnected });
  if (belief?.kind !== 'told') return belief && { ...belief, kind: 'held' };
  const all = new Set([...known, ...belief.peers]);
  const isMended = lacking.every((digest) => all.has(digest)) || !isShort(all, input);
  return isMended ? held(belief.reason) : undefined;
}

function driftOf(pod: PodFacts, kind: DriftKind): DriftVerdict {
  const unread = unreadBecause(pod);
  return unread ? held(unread) : drift(kind);
}

/**
 * True if a pod runs with the name of a peer that left or is suspended. False if no name is left for a new list, since
 * a restart would gain nothing. False also if a name may belong to an unreadable StellarNode or to a member that does
 * not count.
 */
function namesOneThatLeft(
  running: readonly string[],
  { published, group, world, validator }: DriftInput,
): boolean {
  if (!published || published.digests.length === 0 || group.hasMore || group.cut.size > 0) return false;
  const current = new Set([...published.digests, ...group.members.map(({ digest }) => digest)]);
  if (running.every((digest) => current.has(digest))) return false;
  const isOfOneNamespace = group.key !== group.network.id;
  return ![...world.nodes.values()].some(
    (reading) =>
      reading.kind === 'unreadable' &&
      (reading.node.networkId ?? group.network.id) === group.network.id &&
      (!isOfOneNamespace || reading.node.namespace === validator.namespace),
  );
}

/** Why the next start would not read more peers than this one did. A restart would then be all risk and no gain. */
function unreadBecause({ mergeOutcome }: PodFacts): Reason | undefined {
  const problem = mergeProblem(mergeOutcome);
  return problem?.code === 'MergeFailed' ? undefined : problem;
}

/** Within this time the kubelet brings a changed ConfigMap into the volumes of running pods. */
const REFRESHED_MS = 3 * 60_000;

/**
 * True if the pod has read the published view, whatever its stamp says. That is so if it was scheduled after the
 * publication, by more than our clock may be behind: if this were true by mistake, the pod would never get its peers.
 * It is also so if what reads the files was started well after, with refreshed files: its container, or the init
 * container that merges the configuration. It is not so if the merge found no peers.
 */
export function hasReadPublished(pod: PodFacts, { publishedAtMs }: PublishedView): boolean {
  const { scheduledAtMs, mergeOutcome } = pod;
  if (foundNoPeers(mergeOutcome)) return false;
  if (scheduledAtMs !== undefined && scheduledAtMs > publishedAtMs + CLOCK_BEHIND_MS) return true;
  const readAtMs = readNoEarlierThanMs(pod);
  return readAtMs !== undefined && readAtMs > publishedAtMs + REFRESHED_MS;
}

/**
 * The earliest time at which the pod may have read its files last, by the clock that also dates our views. The kubelet's
 * clock counts only for the time since it took the pod. Undefined if one of these times is missing.
 */
function readNoEarlierThanMs({ scheduledAtMs, takenAtMs, readAtMs }: PodFacts): number | undefined {
  if (scheduledAtMs === undefined || takenAtMs === undefined || readAtMs === undefined) return undefined;
  return scheduledAtMs + (readAtMs - takenAtMs);
}

const absentOf = ({ digests }: PublishedView, { isLive, wasLive }: Liveness): string[] =>
  digests.filter((digest) => !isLive(digest) && wasLive(digest));

/** True if the network has more members than a list holds, and the pod's list is another choice, as full. */
function isOtherChoice(known: ReadonlySet<string>, input: DriftInput): boolean {
  const { group, validator, published } = input;
  const size = published?.digests.length ?? 0;
  const others = group.listed.filter(({ node }) => node !== validator.key).length;
  return others > size && !isShort(known, { ...input, settings: { ...input.settings, rollBelow: size } });
}

function isShort(known: ReadonlySet<string>, { group, published, settings }: DriftInput): boolean {
  const count = [...known].filter((digest) => group.hasMore || group.existing.has(digest)).length;
  return count < Math.min(settings.rollBelow, published?.digests.length ?? 0);
}
