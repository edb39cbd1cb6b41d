/**
 * What is to be told of validators beside their restarts: configurations that did not take the peers, and strategies
 * that cannot work. Pure.
 */
import type { Discovery } from '../peers/discover.ts';
import { mergeProblem } from '../peers/merge-outcome.ts';
import { podsOf } from '../peers/pods.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import type { Key, World } from '../peers/world.ts';
import { strategyOf } from './strategy.ts';

/** StellarNodes of which a running pod uses its original configuration, and why. */
export function mergeRemarks(world: World, discovery: Discovery): Map<Key, Reason> {
  const remarks = new Map<Key, Reason>();
  for (const [key, statefulSet] of discovery.statefulSetOf) {
    for (const pod of podsOf(world, statefulSet)) {
      const problem = pod.deleting ? undefined : mergeProblem(pod.mergeOutcome);
      if (problem && !remarks.has(key)) remarks.set(key, problem);
    }
  }
  return remarks;
}

/** Of the StellarNodes in `closed`, whose HTTP port is not open to us, those that are only to be signalled. */
export function signalRemarks(
  closed: ReadonlySet<Key>,
  world: World,
  ownNamespace: string,
): Map<Key, Reason> {
  const remarks = new Map<Key, Reason>();
  for (const key of closed) {
    const reading = world.nodes.get(key);
    if (reading?.kind !== 'validator') continue;
    const verdict = strategyOf(reading.validator, world, ownNamespace);
    if (verdict.kind === 'strategy' && verdict.strategy === 'Signal')
      remarks.set(key, reason('SignalPortClosed'));
  }
  return remarks;
}
