/** Finds the DNS domain of the cluster in a pod's resolv.conf, and warns if another domain is in use. */
import { Value } from 'typebox/value';
import type { Log } from '../runtime/log.ts';
import { dnsName } from './setting.ts';

/** The configuration file of the resolver. */
export const RESOLV_CONF = '/etc/resolv.conf';

/** The domain in the last `search` line of a pod in `namespace`; undefined if its DNS policy is not ClusterFirst. */
export function clusterDomainIn(resolvConf: string, namespace: string): string | undefined {
  const [, words = ''] = [...resolvConf.matchAll(/^search[ \t]+(.*)$/gm)].at(-1) ?? [];
  const prefix = `${namespace}.svc.`;
  const found = words.split(/\s+/).find((word) => word.startsWith(prefix));
  const domain = found?.slice(prefix.length).replace(/\.$/, '');
  return Value.Check(dnsName, domain) ? domain : undefined;
}

interface Domains {
  readonly inUse: string;
  readonly found: string | undefined;
}

/**
 * Warns if the names of peers will not resolve. `lookup` rejects for a name that does not exist. Resolves to the right
 * domain if the domain in use is known to be wrong, otherwise to undefined.
 */
export async function logClusterDomain(
  { inUse, found }: Domains,
  { log, lookup }: { readonly log: Log; readonly lookup: (name: string) => Promise<unknown> },
): Promise<string | undefined> {
  if (found === undefined) return undefined;
  const name = `kubernetes.default.svc.${inUse}`;
  const failure = await lookup(name).then(
    () => undefined,
    ({ code }: NodeJS.ErrnoException) => ({ code }),
  );
  // If the name resolves, the domain in use is a second domain of this cluster.
  if (!failure) return undefined;
  const where = { inUse, found, name };
  if (inUse !== found) log.warn(where, `CLUSTER_DOMAIN is not the domain that ${RESOLV_CONF} names`);
  // Another failure, such as a lost answer, does not show that the domain is wrong.
  if (failure.code !== 'ENOTFOUND') return undefined;
  log.warn(
    where,
    'the name of the API server does not exist under CLUSTER_DOMAIN, so names of peers will not resolve',
  );
  return inUse === found ? undefined : found;
}
