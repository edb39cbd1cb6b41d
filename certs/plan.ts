/**
 * Decides the next step for the managed Secret, by its content, the time and the terms. Pure. One step at a time, so that
 * callers trust the old and the new CA together before a certificate of the new CA is served.
 *
 * | CA in the Secret             | certificate in the Secret | step                                                       |
 * |------------------------------|---------------------------|------------------------------------------------------------|
 * | bad or due                   | good, or `last` is good   | addCa: put a new CA first, keep the good certificate       |
 * | bad or due                   | bad, and `last` is bad    | reissueAll: new CA, new certificate                        |
 * | good                         | bad or due                | issueLeaf                                                  |
 * | good                         | of the former CA          | issueLeaf, once both CAs have been trusted for `overlapMs` |
 * | good, and the former CA      | good                      | removeCa, after `retireMs` in this state                   |
 * | good, without that of `last` | good                      | retainCa: add the CA of `last`, so that it stays trusted   |
 */
import {
  type BundlePem,
  checkBundle,
  checkSigner,
  type Fault,
  hostsOf,
  issuerPem,
  type Signer,
} from './check.ts';
import type { Bundle, Validity } from './source.ts';

/** In this last part of its life, a certificate is renewed without waiting for trust in a new CA. */
const URGENT_PART = 0.1;

/** The values of the Secret's keys as PEM; '' for a key that is missing. */
export interface CertContent extends BundlePem {
  readonly caKeyPem: string;
}

export interface CertTerms {
  /** DNS names and IP addresses under which the API server reaches us. */
  readonly hosts: readonly string[];
  /** The part of its life after which a certificate is renewed, between 0 and 1. */
  readonly renewAt: number;
  /** For how long a new CA is trusted before anything that it signed is served. */
  readonly overlapMs: number;
  /** For how long the former CA is trusted after the last certificate that it signed was replaced. */
  readonly retireMs: number;
}

interface Why {
  readonly reason: Fault['reason'] | 'RenewalDue' | 'Rotation';
  readonly sentence: string;
}

export type CertStep =
  | { readonly kind: 'reissueAll'; readonly why: Why; readonly hosts: readonly string[] }
  | { readonly kind: 'addCa'; readonly why: Why; readonly keep: Bundle }
  | {
      readonly kind: 'issueLeaf';
      readonly why: Why;
      readonly signer: Signer;
      readonly hosts: readonly string[];
    }
  | { readonly kind: 'removeCa'; readonly why: Why; readonly signer: Signer }
  | { readonly kind: 'retainCa'; readonly why: Why; readonly caPem: string };

interface CertPlan {
  /** The bundle of the Secret, if it can be served before the step is done. */
  readonly bundle: Bundle | undefined;
  readonly step: CertStep | undefined;
  /** Without a step: when the next one is due, if nothing changes. */
  readonly lookInMs: number;
}

interface CertSituation {
  readonly nowMs: number;
  /** For how long this process has seen exactly this content, by its monotonic clock. */
  readonly seenForMs: number;
  /** For how long callers have trusted the first CA of the content, in ms, as far as this process has seen. */
  readonly trustedForMs: number;
  /** The bundle that this process adopted last, if any: it is served now, or will be soon. */
  readonly last: Bundle | undefined;
}

/** The plan for a Secret with this content: the bundle to serve, and the next step. */
export function planCertificate(content: CertContent, situation: CertSituation, terms: CertTerms): CertPlan {
  const { nowMs } = situation;
  const { hosts } = terms;
  const checked = checkBundle(content, { hosts, nowMs });
  const signer = checkSigner(content, nowMs);
  const bundle = checked.ok ? checked.value : undefined;
  if (!signer.ok || dueInMs(signer.value, nowMs, terms) <= 0) {
    const why = signer.ok ? due('the CA') : signer.fault;
    const keep = bundle ?? stillGood(situation, terms);
    return act(bundle, keep ? { kind: 'addCa', why, keep } : { kind: 'reissueAll', why, hosts });
  }
  if (checked.ok) {
    const former = formerCa(checked.value, stillGood(situation, terms));
    if (former !== undefined) return act(undefined, { kind: 'retainCa', why: caReplaced, caPem: former });
    return maintain(checked.value, { signer: signer.value, situation, terms });
  }
  return act(undefined, {
    kind: 'issueLeaf',
    why: checked.fault,
    signer: signer.value,
    hosts: hostsAfter(checked.fault, content, hosts),
  });
}

/** The step for a good certificate under a good CA: none, renewal, or the next one of a rotation. */
function maintain(
  bundle: Bundle,
  context: { signer: Signer; situation: CertSituation; terms: CertTerms },
): CertPlan {
  const { signer, situation, terms } = context;
  const leafDueInMs = dueInMs(bundle, situation.nowMs, terms);
  const soonestDueInMs = Math.min(leafDueInMs, dueInMs(signer, situation.nowMs, terms));
  const issue = (why: Why) => act(bundle, { kind: 'issueLeaf', why, signer, hosts: terms.hosts });

  if (issuerPem(bundle) !== signer.certPem) {
    const leftMs = terms.overlapMs - Math.min(situation.seenForMs, situation.trustedForMs);
    const urgentInMs = urgentFromMs(bundle) - situation.nowMs;
    if (urgentInMs <= 0)
      return issue({ reason: 'RenewalDue', sentence: 'the certificate ends before its new CA is trusted' });
    if (leftMs > 0) return wait(bundle, Math.min(leftMs, urgentInMs));
    return issue(rotation('the new CA is trusted long enough to be used'));
  }
  if (leafDueInMs <= 0) return issue(due('the certificate'));
  if (bundle.caPem === signer.certPem) return wait(bundle, soonestDueInMs);
  const leftMs = terms.retireMs - situation.seenForMs;
  if (leftMs > 0) return wait(bundle, Math.min(leftMs, soonestDueInMs));
  const why = rotation('no certificate of the former CA is served any more');
  return act(bundle, { kind: 'removeCa', why, signer });
}

/** The CA of the bundle in use, as PEM, if another writer has put content without that CA into the Secret. */
function formerCa(content: Bundle, inUse: Bundle | undefined): string | undefined {
  if (!inUse) return undefined;
  const former = issuerPem(inUse);
  return content.caPem.includes(former) ? undefined : former;
}

/** From then on the next certificate is used although callers may not trust its CA yet: the old one ends soon anyway. */
const urgentFromMs = ({ notBeforeMs, notAfterMs }: Bundle): number =>
  notAfterMs - (notAfterMs - notBeforeMs) * URGENT_PART;

const act = (bundle: Bundle | undefined, step: CertStep): CertPlan => ({ bundle, step, lookInMs: 0 });

const wait = (bundle: Bundle, lookInMs: number): CertPlan => ({ bundle, step: undefined, lookInMs });

/**
 * The hosts of the next certificate. If the present one only lacks some hosts, the next one keeps all of its hosts.
 * Otherwise two versions of stellar-peers that want different hosts would replace each other's certificate as long as
 * both run.
 */
function hostsAfter(fault: Fault, content: CertContent, wanted: readonly string[]): readonly string[] {
  if (fault.reason !== 'WrongHost') return wanted;
  return [...new Set([...wanted, ...hostsOf(content.certPem)])];
}

/** The bundle in use, if it is still good, whatever the Secret holds now. Its CA must stay trusted meanwhile. */
function stillGood(situation: CertSituation, terms: CertTerms): Bundle | undefined {
  const { last, nowMs } = situation;
  if (!last) return undefined;
  const checked = checkBundle(last, { hosts: terms.hosts, nowMs });
  return checked.ok ? checked.value : undefined;
}

/** The time until renewal: a part of the certificate's own lifetime, so a new certificate is never due at once. */
const dueInMs = ({ notBeforeMs, notAfterMs }: Validity, nowMs: number, { renewAt }: CertTerms): number =>
  notBeforeMs + (notAfterMs - notBeforeMs) * renewAt - nowMs;

const due = (what: string): Why => ({
  reason: 'RenewalDue',
  sentence: `${what} is due for renewal`,
});

const caReplaced: Why = {
  reason: 'Rotation',
  sentence: 'the CA of the certificate in use stays trusted beside the CA that replaced it',
};

const rotation = (sentence: string): Why => ({ reason: 'Rotation', sentence });
