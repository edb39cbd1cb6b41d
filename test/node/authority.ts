/** CAs and certificates that tests make, as an administrator would. */
import { createAuthority, issueLeaf } from '../../certs/authority.ts';
import type { Issued } from '../../certs/source.ts';

const DAY_MS = 86_400_000;

const validity = () => ({ notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + 30 * DAY_MS });

/** A new CA, good for a month. */
export const newAuthority = (): Promise<Issued> => createAuthority(validity());

/** A certificate for a server with these names, signed by the CA. */
export const newLeaf = (authority: Issued, hosts: readonly string[]): Promise<Issued> =>
  issueLeaf(authority, { ...validity(), hosts });
