/**
 * Which names the page is called by. Pure. A page of others may have a name of its own lead to our address, and a
 * browser that shows it would then read ours as its own: so a name that was not configured gets no answer.
 */
import { isIP } from 'node:net';

/** As the manifests call it. */
const SERVICE = 'stellar-peers-status';

/** The names by which the page may be called, in lower case. */
export function hostsOf(settings: {
  readonly namespace: string;
  readonly clusterDomain: string;
  /** With a comma between. */
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

/** Whether a Host header names one of them, or an address: no name leads a browser to that. */
export function isHostOf(hosts: ReadonlySet<string>, header: string | undefined): boolean {
  const name = (header ?? '').toLowerCase().replace(/:\d{1,5}$/, '');
  return hosts.has(name) || isIP(name) === 4 || (/^\[.*\]$/.test(name) && isIP(name.slice(1, -1)) === 6);
}
