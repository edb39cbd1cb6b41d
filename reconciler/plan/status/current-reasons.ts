/**
 * Collects every reason of every StellarNode. The leader, `stellar-peers status` and the status page all use this module,
 * so they agree; those without the leader's memory plan as if a leader had watched for long. Pure.
 */
import type { Moment } from '../../../peers/discovery/discover.ts';
import { oddAnnotations } from '../../../peers/read/odd-annotations.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { Key } from '../../../peers/world.ts';
import type { PublishPlan } from '../publish/publish.ts';
import { planServices } from '../publish/services.ts';
import { liveDigests } from '../restarts/liveness.ts';
import type { GroupPlan, RolloutInput, RolloutSettings } from '../restarts/rollout.ts';
import { NO_SETBACKS } from '../restarts/setbacks.ts';
import { mergeAdvisories, reloadAdvisories } from './advisories.ts';

/**
 * The input of the restart rules without a leader's memory: the membership is quiet, every peer ran lately, each
 * list has named its peers since its last change, and a pod is Ready, or not, since the time that its kubelet wrote.
 * Kubelets' clocks may be wrong, so the result may only be shown.
 */
export function withoutMemory({ world, discovery, nowMs }: Moment, settings: RolloutSettings): RolloutInput {
  const live = liveDigests(world, discovery);
  return {
    world,
    discovery,
    settings,
    nowMs,
    setbacks: NO_SETBACKS,
    quiet: () => ({ quietMs: Number.POSITIVE_INFINITY, changingMs: 0 }),
    readyForMs: ({ readyChangedAtMs = nowMs }) => nowMs - readyChangedAtMs,
    downForMs: ({ createdAtMs, readyChangedAtMs = createdAtMs }) => nowMs - readyChangedAtMs,
    liveness: { isLive: (digest) => live.has(digest), wasLive: () => true },
    listedSinceMs: () => Number.POSITIVE_INFINITY,
  };
}

/**
 * The reasons of each StellarNode, the most important first. `reports` replace `NotPublished`, because they say why a
 * list is not published. Only the leader has `signalled`.
 */
export function currentReasons(
  moment: Moment,
  { reports }: Pick<PublishPlan, 'reports'>,
  plans: ReadonlyMap<string, GroupPlan>,
  signalled?: ReadonlyMap<Key, Reason>,
): Map<Key, readonly Reason[]> {
  const { world, discovery } = moment;
  const told = [...plans.values()].flatMap((plan) => [...plan.remarks, ...plan.holds]);
  const found = [
    ...oddAnnotations(world),
    ...discovery.remarks,
    ...mergeAdvisories(world, discovery),
    ...reloadAdvisories(moment),
    ...servicesMissing(moment, signalled && reports),
    ...planServices(world, discovery).reports,
    ...reports,
    ...told.filter(([key, { code }]) => code !== 'NotPublished' || !reports.has(key)),
    ...(signalled ?? []),
    ...discovery.skipped,
  ];
  const all = new Map<Key, readonly Reason[]>();
  for (const [key, why] of found) {
    const before = all.get(key) ?? [];
    all.set(key, [why, ...before.filter(({ code }) => code !== why.code)]);
  }
  return all;
}

/** The leader creates a missing Service within this time. */
const SERVICE_MADE_MS = 30_000;

/** The leader knows from its `reports` which Services were refused. Others see only that a Service is late. */
function servicesMissing(
  { world, discovery, nowMs }: Moment,
  reports: ReadonlyMap<Key, Reason> | undefined,
): Array<readonly [Key, Reason]> {
  return planServices(world, discovery)
    .create.filter(({ validator: { key }, statefulSet: { createdAtMs } }) =>
      reports ? reports.get(key)?.code === 'RefusedByPolicy' : nowMs - createdAtMs > SERVICE_MADE_MS,
    )
    .map(({ validator: { key }, statefulSet }) => [key, reason('ServiceMissing', statefulSet.serviceName)]);
}
