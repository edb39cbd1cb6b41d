/** Finds the chain of CAs by which a TLS client trusts a certificate. Pure. */
import type { X509Certificate } from 'node:crypto';

/**
 * The shortest chain from the first certificate of `given` to one of `authorities`, as a TLS client builds it. The
 * other certificates of `given` may be CAs in between. The chain uses only CAs for which `isUsable` returns true. A
 * self-signed certificate that is itself among `authorities` is its own root. Undefined if there is no chain.
 */
export function chainTo(
  given: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  isUsable: (cert: X509Certificate) => boolean = () => true,
): readonly X509Certificate[] | undefined {
  const unused = new Set(given.slice(1).filter(isUsable));
  let chains = given.slice(0, 1).map((leaf) => ({ last: leaf, chain: [leaf] }));
  // Each turn makes every chain one CA longer, so the first chain that reaches an authority is the shortest.
  while (chains.length > 0) {
    for (const { last, chain } of chains) {
      const anchor = authorities.find((ca) => isUsable(ca) && (isItself(last, ca) || isIssuedBy(last, ca)));
      if (anchor) return [...chain, anchor];
    }
    chains = chains.flatMap(({ last, chain }) => {
      const issuers = [...unused].filter((ca) => isIssuedBy(last, ca));
      for (const ca of issuers) unused.delete(ca);
      return issuers.map((ca) => ({ last: ca, chain: [...chain, ca] }));
    });
  }
  return undefined;
}

const isItself = (cert: X509Certificate, authority: X509Certificate): boolean =>
  cert.fingerprint256 === authority.fingerprint256 && cert.verify(cert.publicKey);

/** True if `authority` is a CA whose key signed `cert`. The dates of both do not matter. */
export const isIssuedBy = (cert: X509Certificate, authority: X509Certificate): boolean =>
  authority.ca && cert.checkIssued(authority) && cert.verify(authority.publicKey);
