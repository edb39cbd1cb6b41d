/** What belongs in caBundle: one rule for managed certificates, one for mounted ones. cabundle.ts does the writing. */
import type { Clock } from '../runtime/clock.ts';
import type { Kube } from '../runtime/kube/port.ts';
import { certificatesIn, checkBundle, issuerPem } from './check.ts';
import { contentOf, readSecret } from './secret.ts';
import type { Bundle, Observed } from './source.ts';

/** Returns the PEM that a caBundle should hold, given the PEM that it holds now. */
export type CaUpdate = (caPem: string) => string;

export interface CaRule {
  /** Decides by the bundle in memory, without a request. A caBundle that is right by this rule is not checked further. */
  fromMemory(bundle: Bundle): CaUpdate;
  /** Decides by the present state of the cluster. Used before each write, because memory may be out of date. */
  fromCluster(bundle: Bundle): Promise<CaUpdate>;
}

/**
 * Managed certificates: caBundle holds exactly the CAs of the Secret. The Secret is read again before each write.
 * Otherwise a replica that remembers the bundle from before a rotation would remove the new CA, and another would add
 * it again.
 */
export const managedCaRule = (parts: {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly namespace: string;
}): CaRule => ({
  fromMemory: (bundle) => () => bundle.caPem,
  fromCluster: async (bundle) => {
    const secret = await readSecret(parts.kube, parts.namespace);
    if (!secret) return () => bundle.caPem;
    const checked = checkBundle(contentOf(secret), { hosts: [], nowMs: parts.clock.nowMs() });
    return () => (checked.ok ? checked.value.caPem : bundle.caPem);
  },
});

/**
 * Mounted certificates: caBundle keeps all CAs that it holds (written by cainjector, for example), and gets the CAs of
 * two certificates: the newest one of this replica, and the one that it serves. cainjector fills an emptied caBundle
 * with the present CA alone, although certificates of the former CA are still served until their renewal.
 */
export function mountedCaRule(served: Observed<Bundle>): CaRule {
  const addOurs =
    (bundle: Bundle): CaUpdate =>
    (caPem) =>
      withCertificates(caPem, [bundle, served.observe() ?? bundle].map(issuerPem));
  return { fromMemory: addOurs, fromCluster: (bundle) => Promise.resolve(addOurs(bundle)) };
}

/** Appends to `caPem` each certificate of `further` that it does not have yet. */
function withCertificates(caPem: string, further: readonly string[]): string {
  const known = new Set(certificatesIn(caPem).map((cert) => cert.fingerprint256));
  const missing = certificatesIn(further.join('\n')).filter((cert) => !known.has(cert.fingerprint256));
  const missingPems = new Set(missing.map((cert) => cert.toString()));
  if (missingPems.size === 0) return caPem;
  return [...(known.size === 0 ? [] : [caPem.trim()]), ...missingPems].join('\n');
}
