/**
 * Drift: why a pod may need a restart, judged from what it started with and what is published. Pure.
 *
 *   pod is …            and …                                                     → verdict
 *   not injected        admission would inject it, and it is no older than that   → notInjected
 *                       opted out, taken names, not selected, older               → held, with the reason
 *   injected, isolated  its view has had no live peer for 10 min (at once: empty)
 *                       and the published view has one                            → isolated
 *   injected, short     live peers are missing and it knows fewer than it should  → short
 *                      … but its configuration was found not to take them           → held, with the reason
 *   anything else                                                                 → none
 */
import { CLOCK_BEHIND_MS } from '../peers/clock-error.ts';
import type { Group } from '../peers/discover.ts';
import { decideInjection, optsOut } from '../peers/inject.ts';
import { mergeProblem } from '../peers/merge-outcome.ts';
import { INJECTION } from '../peers/names.ts';
import { digestsOfPod } from '../peers/pods.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import { webhookSelects } from '../peers/selectors.ts';
import type { PublishedView } from '../peers/views.ts';
import type { PodFacts, StatefulSetFacts, Validator, World } from '../peers/world.ts';

export type DriftKind = 'notInjected' | 'isolated' | 'short';

export type Verdict =
  | { readonly kind: 'none' }
  | { readonly kind: 'held'; readonly reason: Reason }
  | { readonly kind: 'drift'; readonly drift: DriftKind };

export interface DriftSettings {
  /** A pod that knows this many peers is not restarted for more of them; Infinity for every change. */
  readonly rollBelow: number;
  readonly adoptExisting: boolean;
}

export interface Liveness {
  /** True if the member's pod runs now. */
  isLive(digest: string): boolean;
  /** True if it ran at any time within the last 10 minutes, or if nobody has watched for that long. */
  wasLive(digest: string): boolean;
}

export interface DriftInput {
  readonly world: World;
  readonly validator: Validator;
  readonly statefulSet: StatefulSetFacts;
  readonly pod: PodFacts;
  readonly group: Group;
  readonly published: PublishedView | undefined;
  readonly liveness: Liveness;
  readonly settings: DriftSettings;
}

const NONE: Verdict = { kind: 'none' };
const held = (why: Reason): Verdict => ({ kind: 'held', reason: why });
const drift = (kind: DriftKind): Verdict => ({ kind: 'drift', drift: kind });

/** What one running pod lacks. A pod that is not injected is judged by that alone. */
export function judgePod(input: DriftInput): Verdict {
  return input.pod.injected ? judgeView(input) : judgeInjection(input);
}

function judgeInjection({ world, validator, statefulSet, pod, settings }: DriftInput): Verdict {
  const namespace = world.namespaces.get(validator.namespace);
  const optedOut = optsOut(validator.injection) || optsOut(namespace?.labels[INJECTION]);
  const decision = decideInjection(statefulSet.template, { node: validator.name, optedOut });
  if (decision.kind === 'skip') return held(decision.reason);
  const { webhook } = world;
  if (!webhook) return held(reason('WebhookMissing'));
  const { labels, annotations } = statefulSet.template;
  // A namespace that is not in the caches cannot be judged, and counts as not selected.
  const selects =
    namespace && webhookSelects(webhook, { namespaceLabels: namespace.labels, labels, annotations });
  if (!selects) return held(reason('NotSelected'));
  const adopted = settings.adoptExisting || validator.adopt === 'now' || namespace?.adopt === 'now';
  // Timestamps are whole seconds: a pod of the same second counts as older, since in doubt nothing restarts.
  if (pod.createdAtMs <= webhook.createdAtMs && !adopted) return held(reason('AwaitingAdoption'));
  return drift('notInjected');
}

function judgeView(input: DriftInput): Verdict {
  const { pod, published, liveness } = input;
  if (!published || published.hash === pod.peerHash || hasReadPublished(pod, published)) return NONE;
  const running = pod.peers === undefined ? [] : digestsOfPod(pod);
  if (!running) return held(reason('UnreadableView', pod.peers?.slice(0, 20)));
  const lacking = published.digests.filter((digest) => liveness.isLive(digest) && !running.includes(digest));
  if (lacking.length === 0) return NONE;
  const isolated = !running.some((digest) => liveness.wasLive(digest));
  if (!isolated && !isShort(running, input)) return NONE;
  const unread = unreadBecause(pod);
  return unread ? held(unread) : drift(isolated ? 'isolated' : 'short');
}

/** Why the next start would read no more peers than this one did: a restart would be all risk and no gain. */
function unreadBecause({ mergeOutcome }: PodFacts): Reason | undefined {
  const problem = mergeProblem(mergeOutcome);
  return problem?.code === 'MergeFailed' ? undefined : problem;
}

/** By then the kubelet has brought a changed ConfigMap into the volumes of running pods. */
const REFRESHED_MS = 3 * 60_000;

/**
 * A pod that was scheduled after the view was published mounted that very view, whatever it is stamped with. A view is
 * dated by our clock, which may be behind: believed by mistake, a pod would never learn what it lacks. One whose container
 * started well after has found it in the refreshed files, unless it reads a configuration that an init container made
 * before.
 */
function hasReadPublished(pod: PodFacts, { publishedAtMs }: PublishedView): boolean {
  const { scheduledAtMs, startedAtMs, merged } = pod;
  if (scheduledAtMs !== undefined && scheduledAtMs > publishedAtMs + CLOCK_BEHIND_MS) return true;
  return !merged && startedAtMs !== undefined && startedAtMs > publishedAtMs + REFRESHED_MS;
}

function isShort(running: readonly string[], { group, published, settings }: DriftInput): boolean {
  const known = running.filter((digest) => group.existing.has(digest)).length;
  return known < Math.min(settings.rollBelow, published?.digests.length ?? 0);
}
