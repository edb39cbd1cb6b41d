/** Computes the new content of the Secret for a step of the plan: what is made anew, and what is kept. */
import { createAuthority, issueLeaf } from './authority.ts';
import { checkBundle, issuerPem } from './check.ts';
import type { CertContent, CertStep } from './plan.ts';
import type { Issued, Validity } from './source.ts';

/** Certificates are backdated by this part of their life, but at most by this time, for callers whose clock is behind. */
const BACKDATE_MS_MAX = 3_600_000;
const BACKDATE_LIFE_PART = 0.1;

export interface Lifetimes {
  readonly caLifetimeMs: number;
  readonly leafLifetimeMs: number;
}

type IssueOptions = Lifetimes & { readonly nowMs: number };

/** The content after `step`. Rejects if it would not pass the check: a CA made by others may forbid our certificate. */
export async function contentAfter(
  step: CertStep,
  content: CertContent,
  options: IssueOptions,
): Promise<CertContent> {
  const made = await applyStep(step, content, options);
  const checked = checkBundle(made, { hosts: 'hosts' in step ? step.hosts : [], nowMs: options.nowMs });
  if (checked.ok) return made;
  throw new Error(
    `The CA in ca.crt gives no usable certificate (${checked.fault.sentence}): delete the Secret to get another`,
  );
}

async function applyStep(step: CertStep, content: CertContent, options: IssueOptions): Promise<CertContent> {
  const { nowMs, caLifetimeMs, leafLifetimeMs } = options;
  const leafValidity = validityFrom(nowMs, leafLifetimeMs);
  switch (step.kind) {
    case 'reissueAll': {
      const caValidity = validityFrom(nowMs, caLifetimeMs);
      const authority = await createAuthority(caValidity);
      const leaf = await issueLeaf(authority, { ...cutToCa(leafValidity, caValidity), hosts: step.hosts });
      return contentOf({ authority, trustedPem: authority.certPem, leaf });
    }
    case 'addCa': {
      const authority = await createAuthority(validityFrom(nowMs, caLifetimeMs));
      return contentOf({ authority, trustedPem: authority.certPem + issuerPem(step.keep), leaf: step.keep });
    }
    case 'issueLeaf': {
      const leaf = await issueLeaf(step.signer, { ...cutToCa(leafValidity, step.signer), hosts: step.hosts });
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

const validityFrom = (nowMs: number, lifetimeMs: number): Validity => ({
  notBeforeMs: nowMs - Math.min(BACKDATE_MS_MAX, lifetimeMs * BACKDATE_LIFE_PART),
  notAfterMs: nowMs + lifetimeMs,
});

/** Lets a certificate end with its CA at the latest: callers refuse it after that, whatever date it names. */
const cutToCa = (leaf: Validity, ca: Validity): Validity => ({
  notBeforeMs: leaf.notBeforeMs,
  notAfterMs: Math.min(leaf.notAfterMs, ca.notAfterMs),
});
