/** Finds the chain of CAs by which a TLS client trusts a certificate. Pure. */
import type { X509Certificate } from 'node:crypto';

/**
 * The shortest chain from the first certificate of `given`, over CAs among the others, to one of `authorities`, as TLS
 * clients look for it. `suits` must be true for each CA of the chain. A self-signed certificate that is itself in
 * `authorities` is its own root. Undefined if there is no chain.
 */
export function chainTo(
  given: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  suits: (cert: X509Certificate) => boolean = () => true,
): readonly X509Certificate[] | undefined {
  const others = new Set(given.slice(1).filter(suits));
  let ends = given.slice(0, 1).map((leaf) => ({ last: leaf, chain: [leaf] }));
  while (ends.length > 0) {
    for (const { last, chain } of ends) {
      const anchor = authorities.find((one) => suits(one) && (isItself(last, one) || isIssuedBy(last, one)));
      if (anchor) return [...chain, anchor];
    }
    ends = ends.flatMap(({ last, chain }) => {
      const above = [...others].filter((one) => isIssuedBy(last, one));
      for (const one of above) others.delete(one);
      return above.map((one) => ({ last: one, chain: [...chain, one] }));
    });
  }
  return undefined;
}

const isItself = (cert: X509Certificate, authority: X509Certificate): boolean =>
  cert.fingerprint256 === authority.fingerprint256 && cert.verify(cert.publicKey);

/** True if `authority` is a CA whose key signed `leaf`, whatever its dates. */
export const isIssuedBy = (leaf: X509Certificate, authority: X509Certificate): boolean =>
  authority.ca && leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
