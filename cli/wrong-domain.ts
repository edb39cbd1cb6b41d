/**
 * A CLUSTER_DOMAIN in which no peer has a name, by what the leader publishes that it has found. Pure.
 */
import type { Settings } from '../app/settings.ts';
import { COMPONENT } from '../peers/names.ts';
import { rightDomainIn } from '../reconciler/plan/publish/overview.ts';

/** What mends it: a replica finds the domain out by itself. */
export const UNSET_DOMAIN = `kubectl -n ${COMPONENT} set env deployment/${COMPONENT} CLUSTER_DOMAIN-`;

/** What is wrong with the domain in use; undefined where nothing is known to be. `overview` is our own ConfigMap's data. */
export function wrongDomain(
  { clusterDomain }: Settings,
  overview: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const right = rightDomainIn(overview);
  if (right === undefined || right === clusterDomain) return undefined;
  return `CLUSTER_DOMAIN is ${clusterDomain}, where the leader can resolve no name; its pod is told ${right}`;
}
