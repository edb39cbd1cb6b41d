/** Advisories that do not concern restarts: configurations without the peers, strategies that cannot work. Pure. */
import type { Cluster, Discovery, Moment } from '../../../peers/discovery/discover.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import { mergeProblem } from '../../../peers/injection/merge-outcome.ts';
import type { ReloadSidecar } from '../../../peers/read/reload-sidecar.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { Key, PodFacts, World } from '../../../peers/world.ts';
import { isFailing } from '../restarts/reload-belief.ts';
import { updateStrategyOf } from '../restarts/update-strategy.ts';

/** StellarNodes with a running pod that uses its original configuration, and why. */
export const mergeAdvisories = (world: World, discovery: Discovery): Map<Key, Reason> =>
  podAdvisories({ world, discovery }, ({ mergeOutcome }) => mergeProblem(mergeOutcome));

/** StellarNodes with a running pod whose sidecar fails, and how. */
export const reloadAdvisories = (moment: Moment): Map<Key, Reason> =>
  podAdvisories(moment, ({ key, reload }) =>
    reload && isFailing(reload, moment.nowMs) ? reason('ReloadFailing', failureOf(key, reload)) : undefined,
  );

/** For each StellarNode the first problem of its pods. */
function podAdvisories(
  { world, discovery }: Cluster,
  problemOf: (pod: PodFacts) => Reason | undefined,
): Map<Key, Reason> {
  const found = new Map<Key, Reason>();
  for (const [key, statefulSet] of discovery.statefulSetOf) {
    const problems = podsOf(world, statefulSet).map((pod) => (pod.deleting ? undefined : problemOf(pod)));
    const problem = problems.find((each) => each !== undefined);
    if (problem) found.set(key, problem);
  }
  return found;
}

const failureOf = (pod: Key, { restarts, problem }: ReloadSidecar): string =>
  [pod, ...(problem === undefined ? [] : [problem]), `${restarts} restarts`].join(', ');

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
    const pods = podsOf(world, discovery.statefulSetOf.get(key));
    if (pods.length > 0 && pods.every(({ reload }) => reload && !isFailing(reload, nowMs))) continue;
    if (verdict.kind === 'strategy' && verdict.strategy === 'Signal')
      remarks.set(key, reason('SignalPortClosed'));
  }
  return remarks;
}
