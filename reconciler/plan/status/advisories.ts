/**
 * Advisories about validators that do not concern restarts: configurations that did not take the peers, and strategies
 * that cannot work. Pure.
 */
import type { Discovery } from '../../../peers/discovery/discover.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import { mergeProblem } from '../../../peers/injection/merge-outcome.ts';
import type { ReloadSidecar } from '../../../peers/read/reload-sidecar.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { Key, PodFacts, World } from '../../../peers/world.ts';
import type { CandidateInput } from '../restarts/candidate.ts';
import { isFailing } from '../restarts/reload-belief.ts';
import { updateStrategyOf } from '../restarts/update-strategy.ts';

type Moment = Pick<CandidateInput, 'world' | 'discovery' | 'nowMs'>;

/** StellarNodes with a running pod that uses its original configuration, and why. */
export function mergeAdvisories(world: World, { statefulSetOf }: Discovery): Map<Key, Reason> {
  const remarks = new Map<Key, Reason>();
  // Loop over the pods, because hardly any pod has a problem.
  for (const [podKey, { mergeOutcome }] of world.pods) {
    if (mergeProblem(mergeOutcome) === undefined) continue;
    const key = podKey.slice(0, podKey.lastIndexOf('-'));
    const statefulSet = statefulSetOf.get(key);
    const problem = statefulSet && problemOf(podsOf(world, statefulSet));
    if (problem) remarks.set(key, problem);
  }
  return remarks;
}

/** StellarNodes with a running pod whose sidecar fails, and how. */
export function reloadAdvisories({ world, discovery, nowMs }: Moment): Map<Key, Reason> {
  const remarks = new Map<Key, Reason>();
  for (const [podKey, { reload }] of world.pods) {
    if (!reload || !isFailing(reload, nowMs)) continue;
    const key = podKey.slice(0, podKey.lastIndexOf('-'));
    const statefulSet = discovery.statefulSetOf.get(key);
    const pods = statefulSet ? podsOf(world, statefulSet) : [];
    if (pods.some((pod) => pod.key === podKey && !pod.deleting))
      remarks.set(key, reason('ReloadFailing', failureOf(podKey, reload)));
  }
  return remarks;
}

const failureOf = (pod: Key, { restarts, problem }: ReloadSidecar): string =>
  [pod, ...(problem === undefined ? [] : [problem]), `${restarts} restarts`].join(', ');

/** The first problem of a StatefulSet's pods. */
function problemOf(pods: readonly PodFacts[]): Reason | undefined {
  for (const { deleting, mergeOutcome } of pods) {
    const problem = deleting ? undefined : mergeProblem(mergeOutcome);
    if (problem) return problem;
  }
  return undefined;
}

/** The StellarNodes with strategy Signal among `closed`, whose HTTP port is closed to us, and that no sidecar tells. */
export function signalAdvisories(
  closed: ReadonlySet<Key>,
  { world, discovery, nowMs }: Moment,
  ownNamespace: string,
): Map<Key, Reason> {
  const remarks = new Map<Key, Reason>();
  for (const key of closed) {
    const reading = world.nodes.get(key);
    if (reading?.kind !== 'validator') continue;
    const verdict = updateStrategyOf(reading.validator, world, ownNamespace);
    const statefulSet = discovery.statefulSetOf.get(key);
    const pods = statefulSet ? podsOf(world, statefulSet) : [];
    if (pods.length > 0 && pods.every(({ reload }) => reload && !isFailing(reload, nowMs))) continue;
    if (verdict.kind === 'strategy' && verdict.strategy === 'Signal')
      remarks.set(key, reason('SignalPortClosed'));
  }
  return remarks;
}
