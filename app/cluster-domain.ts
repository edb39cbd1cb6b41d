/**
 * The DNS domain of the cluster: found out from a pod's resolv.conf, and told where the one in use is another.
 */
import { Value } from 'typebox/value';
import type { Log } from '../runtime/log.ts';
import { dnsName } from './setting.ts';

/** In the form of a resolver's configuration file. */
export const RESOLV_CONF = '/etc/resolv.conf';

/**
 * The domain that a pod in `namespace` is told to search; undefined where its DNS policy is not the cluster's. Of several
 * `search` lines resolvers take the last.
 */
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
 * Warns where names of peers will not resolve. `lookup` rejects for a name that there is not. Resolves to the domain that
 * should be in use; undefined where that is not known to be another.
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
  // One that resolves is a second domain of this cluster.
  if (!failure) return undefined;
  const where = { inUse, found, name };
  if (inUse !== found) log.warn(where, `CLUSTER_DOMAIN is not the domain that ${RESOLV_CONF} names`);
  // An answer that was lost says nothing of the domain.
  if (failure.code !== 'ENOTFOUND') return undefined;
  log.warn(where, 'the API server has no name under CLUSTER_DOMAIN, so peers will have none');
  return inUse === found ? undefined : found;
}
