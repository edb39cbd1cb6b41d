/**
 * What belongs in caBundle, by where certificates come from. Owns the two rules; cabundle.ts writes.
 */
import type { Clock } from '../runtime/clock.ts';
import type { Kube } from '../runtime/kube/port.ts';
import { certificatesIn, checkBundle, issuerPem } from './check.ts';
import { contentOf, readSecret } from './secret.ts';
import type { Bundle, Observed } from './source.ts';

/** The PEM that a caBundle shall hold, given the PEM that it holds. */
export type WantedCa = (caPem: string) => string;

export interface CaRule {
  /** By what is in memory: a caBundle that is right by this costs no request. */
  asRemembered(bundle: Bundle): WantedCa;
  /** By what the cluster has now, asked before a write. */
  asItIs(bundle: Bundle): Promise<WantedCa>;
}

/**
 * Managed certificates: exactly the CAs of the Secret. What a replica remembers is not enough to write by: one that
 * still has the bundle before a rotation would take back the CA that another has just added, and that one add it again.
 */
export const exactlyTheSecrets = (parts: {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly namespace: string;
}): CaRule => ({
  asRemembered: (bundle) => () => bundle.caPem,
  asItIs: async (bundle) => {
    const secret = await readSecret(parts.kube, parts.namespace);
    if (!secret) return () => bundle.caPem;
    const checked = checkBundle(contentOf(secret), { hosts: [], nowMs: parts.clock.nowMs() });
    return () => (checked.ok ? checked.value.caPem : bundle.caPem);
  },
});

/**
 * Mounted certificates: whatever cainjector, or another that fills caBundle, put there, and the CAs of the certificates that
 * this replica has and serves. A caBundle that was emptied comes back with the present CA alone, while certificates of
 * the former one are served until their own renewal.
 */
export function atLeastOurs(served: Observed<Bundle>): CaRule {
  const wanted =
    (bundle: Bundle): WantedCa =>
    (caPem) =>
      withCertificates(caPem, [bundle, served.observe() ?? bundle].map(issuerPem));
  return { asRemembered: wanted, asItIs: (bundle) => Promise.resolve(wanted(bundle)) };
}

function withCertificates(caPem: string, further: readonly string[]): string {
  const known = new Set(certificatesIn(caPem).map((cert) => cert.fingerprint256));
  const missing = certificatesIn(further.join('\n')).filter((cert) => !known.has(cert.fingerprint256));
  const texts = new Set(missing.map((cert) => cert.toString()));
  return texts.size === 0 ? caPem : [...(known.size === 0 ? [] : [caPem.trim()]), ...texts].join('\n');
}
