/**
 * The next step that the Secret needs, one at a time.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthority, issueLeaf } from '../../../certs/authority.ts';
import { checkBundle } from '../../../certs/check.ts';
import { type CertContent, planCertificate } from '../../../certs/plan.ts';

const DAY_MS = 24 * 3_600_000;
const START_MS = Date.parse('2031-01-01T00:00:00Z');
const HOSTS = ['one.two.svc'];
const TERMS = { hosts: HOSTS, renewAt: 2 / 3, overlapMs: 120_000, retireMs: 600_000 };

const life = (fromDay: number, days: number) => ({
  notBeforeMs: START_MS + fromDay * DAY_MS,
  notAfterMs: START_MS + (fromDay + days) * DAY_MS,
});
const former = await createAuthority(life(0, 900));
const present = await createAuthority(life(500, 900));
const leafOfFormer = await issueLeaf(former, { ...life(500, 90), hosts: HOSTS });
const leafOfFormerLate = await issueLeaf(former, { ...life(590, 90), hosts: HOSTS });
const leafOfPresent = await issueLeaf(present, { ...life(500, 90), hosts: HOSTS });

const AGREED: CertContent = { caPem: former.certPem, caKeyPem: former.keyPem, ...leafOfFormer };
const INTRODUCED: CertContent = {
  caPem: present.certPem + former.certPem,
  caKeyPem: present.keyPem,
  ...leafOfFormer,
};
const USED: CertContent = { ...INTRODUCED, ...leafOfPresent };
const served = (content: CertContent, day: number) => {
  const checked = checkBundle(content, { hosts: HOSTS, nowMs: START_MS + day * DAY_MS });
  assert.ok(checked.ok);
  return checked.value;
};

interface Seen {
  readonly seenForMs?: number;
  /** Default: as long as `seenForMs`. */
  readonly trustedForMs?: number;
  readonly last?: ReturnType<typeof served>;
}

const plan = (content: CertContent, day: number, { seenForMs = 0, trustedForMs, last }: Seen = {}) =>
  planCertificate(
    content,
    { nowMs: START_MS + day * DAY_MS, seenForMs, trustedForMs: trustedForMs ?? seenForMs, last },
    TERMS,
  );
const stepOf = (...args: Parameters<typeof plan>) => {
  const { step } = plan(...args);
  return step ? `${step.kind} ${step.why.reason}` : 'none';
};

test('a good Secret needs nothing until two thirds of the shorter life are over', () => {
  assert.equal(stepOf(AGREED, 550), 'none');
  assert.equal(plan(AGREED, 550).lookInMs, 10 * DAY_MS);
  assert.equal(stepOf(AGREED, 560), 'issueLeaf RenewalDue');
});

test('a new CA is added beside a CA that is due, and the served certificate stays', () => {
  const late = { ...AGREED, ...leafOfFormerLate };
  assert.equal(stepOf(late, 599), 'none');
  const { step, bundle } = plan(late, 600);
  assert.ok(step?.kind === 'addCa');
  assert.equal(step.why.reason, 'RenewalDue');
  assert.equal(step.keep.fingerprint, bundle?.fingerprint);
});

test('the new CA signs no certificate before both CAs were seen together for the whole overlap', () => {
  assert.equal(stepOf(INTRODUCED, 510, { seenForMs: 119_999 }), 'none');
  assert.equal(plan(INTRODUCED, 510, { seenForMs: 119_999 }).lookInMs, 1);
  assert.equal(stepOf(INTRODUCED, 510, { seenForMs: 120_000 }), 'issueLeaf Rotation');
});

test('a new CA that callers do not trust yet signs nothing, however long it has been in the Secret', () => {
  const overlapMs = TERMS.overlapMs;
  assert.equal(stepOf(INTRODUCED, 510, { seenForMs: 10 * overlapMs, trustedForMs: 0 }), 'none');
  assert.equal(stepOf(INTRODUCED, 510, { seenForMs: 10 * overlapMs, trustedForMs: overlapMs - 1 }), 'none');
  assert.equal(
    stepOf(INTRODUCED, 510, { seenForMs: 0, trustedForMs: overlapMs }),
    'none',
    'nor the other way round',
  );
});

test('a certificate that is about to end is replaced even if the new CA is not trusted yet', () => {
  assert.equal(stepOf(INTRODUCED, 580, { seenForMs: DAY_MS, trustedForMs: 0 }), 'none');
  assert.equal(plan(INTRODUCED, 580, { seenForMs: DAY_MS, trustedForMs: 0 }).lookInMs, TERMS.overlapMs);
  assert.equal(
    stepOf(INTRODUCED, 581, { seenForMs: DAY_MS, trustedForMs: 0 }),
    'issueLeaf RenewalDue',
    'in the last tenth of its life',
  );
});

test('a good Secret of another CA is not served before the CA in use was added to that Secret', () => {
  const foreign: CertContent = { caPem: present.certPem, caKeyPem: present.keyPem, ...leafOfPresent };
  const { step, bundle } = plan(foreign, 510, { last: served(AGREED, 510) });
  assert.equal(bundle, undefined);
  assert.ok(step?.kind === 'retainCa');
  assert.equal(step.caPem, former.certPem.replaceAll('\r', ''));
  const kept = { ...foreign, caPem: foreign.caPem + step.caPem };
  assert.equal(stepOf(kept, 510, { last: served(AGREED, 510) }), 'none');
  assert.ok(plan(kept, 510, { last: served(AGREED, 510) }).bundle);
  assert.equal(stepOf(foreign, 595, { last: served(AGREED, 510) }), 'issueLeaf Expired');
});

test('the former CA is removed only after it was seen unused for long enough', () => {
  assert.equal(stepOf(USED, 510, { seenForMs: 599_999 }), 'none');
  assert.equal(stepOf(USED, 510, { seenForMs: 600_000 }), 'removeCa Rotation');
});

test('a certificate that went bad in the middle of a rotation is replaced at once', () => {
  assert.equal(stepOf({ ...INTRODUCED, certPem: '' }, 510), 'issueLeaf Empty');
  assert.equal(stepOf(INTRODUCED, 590), 'issueLeaf Expired');
});

test('for a Secret without a good certificate, the served one is kept trusted if there is one, and everything else is new', () => {
  const empty: CertContent = { caPem: '', caKeyPem: '', certPem: '', keyPem: '' };
  const { step } = plan(empty, 510, { last: served(AGREED, 510) });
  assert.ok(step?.kind === 'addCa');
  assert.equal(step.keep.certPem, AGREED.certPem);
  assert.equal(stepOf(empty, 510), 'reissueAll Empty');
  assert.equal(stepOf(empty, 700, { last: served(AGREED, 510) }), 'reissueAll Empty');
});

test('a good certificate can be served whatever the next step is', () => {
  assert.ok(plan(AGREED, 560).bundle);
  assert.ok(plan({ ...AGREED, caKeyPem: '' }, 510).bundle);
  assert.equal(stepOf({ ...AGREED, caKeyPem: '' }, 510), 'addCa Empty');
  assert.equal(plan({ ...AGREED, keyPem: '' }, 510).bundle, undefined);
});
