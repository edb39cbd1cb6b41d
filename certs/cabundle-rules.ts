/**
 * What belongs in caBundle: one rule for managed certificates, one for mounted ones. cabundle.ts does the writing.
 */
import type { Clock } from '../runtime/clock.ts';
import type { Kube } from '../runtime/kube/port.ts';
import { certificatesIn, checkBundle, issuerPem } from './check.ts';
import { contentOf, readSecret } from './secret.ts';
import type { Bundle, Observed } from './source.ts';

/** The PEM that a caBundle shall hold, given the PEM that it holds. */
export type WantedCa = (caPem: string) => string;

export interface CaRule {
  /** Decides by what is in memory, without a request. If caBundle is right by this, nothing else is asked. */
  asRemembered(bundle: Bundle): WantedCa;
  /** Decides by what the cluster has now; used before each write. */
  asItIs(bundle: Bundle): Promise<WantedCa>;
}

/**
 * Managed certificates: exactly the CAs of the Secret. Before a write the Secret is read again: a replica that still
 * remembers the bundle before a rotation would remove the new CA, and the replica that added it would add it again.
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
 * Mounted certificates: all CAs that caBundle holds already (written by cainjector, for example), and the CAs of the
 * certificates that this replica has and serves. cainjector fills an emptied caBundle with the present CA alone, but
 * certificates of the former CA are served until they are renewed.
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
