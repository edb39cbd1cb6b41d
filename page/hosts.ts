/** The host names under which the page answers: no others, because of DNS rebinding. Pure. */
import { isIP } from 'node:net';

const SERVICE = 'stellar-peers-status';

/** The names under which the page answers, in lower case. */
export function hostsOf(settings: {
  readonly namespace: string;
  readonly clusterDomain: string;
  /** Host names with a comma between. */
  readonly statusPageHosts: string;
}): ReadonlySet<string> {
  const inNamespace = `${SERVICE}.${settings.namespace}`;
  const service = [
    SERVICE,
    inNamespace,
    `${inNamespace}.svc`,
    `${inNamespace}.svc.${settings.clusterDomain}`,
  ];
  return new Set(['localhost', ...service, ...settings.statusPageHosts.split(',').filter(Boolean)]);
}

/** True if a Host header has one of these names, or an IP address: DNS rebinding needs a name. */
export function isHostOf(hosts: ReadonlySet<string>, header: string | undefined): boolean {
  const name = (header ?? '').toLowerCase().replace(/:\d{1,5}$/, '');
  return hosts.has(name) || isIP(name) === 4 || (/^\[.*\]$/.test(name) && isIP(name.slice(1, -1)) === 6);
}
