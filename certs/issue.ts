/**
 * Carries a step of the plan out: from the content as it is to the content as it shall be.
 * Owns which part is made anew and which stays; it writes nothing to the cluster.
 */
import { createAuthority, issueLeaf } from './authority.ts';
import { checkBundle, issuerPem } from './check.ts';
import type { CertContent, CertStep } from './plan.ts';
import type { Issued, Validity } from './source.ts';

/** A certificate is valid from a while before it was made, for callers whose clock is behind. */
const BACKDATE_MS_MAX = 3_600_000;
const BACKDATE_LIFE_PART = 0.1;

export interface Lifetimes {
  readonly caLifetimeMs: number;
  readonly leafLifetimeMs: number;
}

type Making = Lifetimes & { readonly nowMs: number };

/**
 * The content after `step`, taken at `nowMs`; `content` is what the Secret holds before it. Rejects rather
 * than give content that is not good itself: a CA that others made may forbid what is needed of it.
 */
export async function contentAfter(
  step: CertStep,
  content: CertContent,
  making: Making,
): Promise<CertContent> {
  const made = await make(step, content, making);
  const checked = checkBundle(made, { hosts: 'hosts' in step ? step.hosts : [], nowMs: making.nowMs });
  if (checked.ok) return made;
  throw new Error(
    `The CA in ca.crt gives no usable certificate (${checked.fault.sentence}): delete the Secret to get another`,
  );
}

async function make(step: CertStep, content: CertContent, making: Making): Promise<CertContent> {
  const { nowMs, caLifetimeMs, leafLifetimeMs } = making;
  const leafLife = life(nowMs, leafLifetimeMs);
  switch (step.kind) {
    case 'reissueAll': {
      const caLife = life(nowMs, caLifetimeMs);
      const authority = await createAuthority(caLife);
      const leaf = await issueLeaf(authority, { ...within(leafLife, caLife), hosts: step.hosts });
      return contentOf({ authority, trustedPem: authority.certPem, leaf });
    }
    case 'addCa': {
      const authority = await createAuthority(life(nowMs, caLifetimeMs));
      return contentOf({ authority, trustedPem: authority.certPem + issuerPem(step.keep), leaf: step.keep });
    }
    case 'issueLeaf': {
      const leaf = await issueLeaf(step.signer, { ...within(leafLife, step.signer), hosts: step.hosts });
      return contentOf({ authority: step.signer, trustedPem: content.caPem, leaf });
    }
    case 'removeCa':
      return { ...content, caPem: step.signer.certPem };
    case 'retainCa':
      return { ...content, caPem: `${content.caPem.trimEnd()}\n${step.caPem}` };
  }
}

const contentOf = (made: { authority: Issued; trustedPem: string; leaf: Issued }): CertContent => ({
  caPem: made.trustedPem,
  caKeyPem: made.authority.keyPem,
  certPem: made.leaf.certPem,
  keyPem: made.leaf.keyPem,
});

const life = (nowMs: number, lifetimeMs: number): Validity => ({
  notBeforeMs: nowMs - Math.min(BACKDATE_MS_MAX, lifetimeMs * BACKDATE_LIFE_PART),
  notAfterMs: nowMs + lifetimeMs,
});

/** A certificate that outlived its CA would be refused at a time that it does not name. */
const within = (leaf: Validity, ca: Validity): Validity => ({
  notBeforeMs: leaf.notBeforeMs,
  notAfterMs: Math.min(leaf.notAfterMs, ca.notAfterMs),
});
