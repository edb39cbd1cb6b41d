/** Finds the validators that a refused write concerns: those whose published part is not as planned. Pure. */
import type { Cluster } from '../../../peers/discovery/discover.ts';
import { nodeKeys } from '../../../peers/names.ts';
import type { Reason } from '../../../peers/reasons/reasons.ts';
import type { Key } from '../../../peers/world.ts';
import type { ConfigMapWrite } from './namespace-content.ts';

/** Reasons by StellarNode. `refusals` are by namespace for ConfigMaps, by StellarNode for its own objects. */
export function refusedReports(
  refusals: ReadonlyMap<string, Reason>,
  writes: readonly ConfigMapWrite[],
  { world, discovery }: Cluster,
): Map<Key, Reason> {
  const reports = new Map<Key, Reason>();
  if (refusals.size === 0) return reports;
  const wanted = new Map(writes.map((write) => [write.namespace, write]));
  for (const { validators } of discovery.groups.values()) {
    for (const { key, name, namespace } of validators) {
      const own = refusals.get(key);
      if (own) reports.set(key, own);
      const why = refusals.get(namespace);
      const view = nodeKeys(name).view;
      const isLacking = wanted.get(namespace)?.data[view] !== world.configMaps.get(namespace)?.data[view];
      if (why && isLacking) reports.set(key, why);
    }
  }
  return reports;
}
