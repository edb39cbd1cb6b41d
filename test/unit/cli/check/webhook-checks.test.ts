/** `stellar-peers check` on the webhook and its certificates. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAuthority, issueLeaf } from '../../../../certs/authority.ts';
import type { Issued } from '../../../../certs/source.ts';
import { authorityBelow, chainOf } from '../../certs/chain.ts';
import type { Spec } from '../../reconciler/group.ts';
import { AUTHORITY, base64, complaintsOf, NOW_MS, STRANGER, webhookWith } from './healthy.ts';

const DAY_MS = 86_400_000;
const configured = (entry: Record<string, unknown>) =>
  complaintsOf({ parts: { webhook: webhookWith(entry) } });

describe('the webhook configuration', () => {
  it('must exist, or the checks that depend on it are skipped', () => {
    const found = complaintsOf({ parts: { webhook: undefined } });
    assert.match(
      found['webhook-configuration'] ?? '',
      /^problem: there is no webhook pods\.peers\.stellar\.org/,
    );
    for (const id of ['webhook-certificate', 'webhook-answers'])
      assert.match(found[id] ?? '', /^skipped/, id);
  });

  it('must have the entry of our webhook', () => {
    assert.match(configured({ name: 'other' })['webhook-configuration'] ?? '', /^problem/);
  });

  it('should select every validator', () => {
    const found = configured({ namespaceSelector: { matchLabels: { team: 'x' } } });
    assert.equal(
      found['webhook-configuration'],
      'warning: it does not select stellar/a, stellar/b, stellar/c',
    );
  });

  it('should let pods start while we are down', () => {
    assert.deepEqual(configured({ failurePolicy: 'Fail' }), {
      'webhook-configuration': 'warning: failurePolicy Fail: while we are down no validator pod can start',
    });
  });
});

describe('caBundle', () => {
  const saidOf = (caBundle: string) => configured({ caBundle })['webhook-certificate'];

  it('must not be empty, and must hold a certificate', () => {
    assert.match(saidOf('') ?? '', /^problem: caBundle is empty/);
    assert.match(saidOf(base64('nonsense')) ?? '', /^problem: .* holds no PEM certificate/);
  });

  it('is judged by the best CA in it', async () => {
    const old = await createAuthority({ notBeforeMs: NOW_MS - 9 * DAY_MS, notAfterMs: NOW_MS - DAY_MS });
    assert.equal(saidOf(base64(old.certPem + AUTHORITY.certPem)), undefined);
  });
});

describe('the serving certificate', () => {
  const served = (certificate: Issued | undefined) => complaintsOf({ facts: { certificate } });
  const issued = async (days: number, host = 'stellar-peers-webhook.stellar-peers.svc') => {
    const long = 1_000 * DAY_MS;
    const authority = await createAuthority({ notBeforeMs: NOW_MS - long, notAfterMs: NOW_MS + long });
    const validity = { notBeforeMs: NOW_MS - days * DAY_MS, notAfterMs: NOW_MS + (100 - days) * DAY_MS };
    const certificate = await issueLeaf(authority, { ...validity, hosts: [host] });
    const parts = { webhook: webhookWith({ caBundle: base64(authority.certPem) }) };
    return complaintsOf({ parts, facts: { certificate } })['webhook-certificate'];
  };

  it('must exist, and be signed by a CA in caBundle', () => {
    const id = 'webhook-certificate';
    assert.deepEqual(served(undefined), { [id]: 'problem: there is no certificate in its Secret' });
    assert.deepEqual(configured({ caBundle: base64(STRANGER.certPem) }), {
      [id]: 'problem: with caBundle as ca.crt: no chain leads from tls.crt to a certificate in ca.crt',
    });
  });

  it('must have the name, or the address, that the API server calls', async () => {
    assert.match(
      (await issued(1, 'other.svc')) ?? '',
      /^problem: .*tls\.crt is not for stellar-peers-webhook\.stellar-peers\.svc/,
    );
    const byUrl = {
      clientConfig: { url: 'https://127.0.0.1:8443/mutate-pods', caBundle: base64(AUTHORITY.certPem) },
    };
    assert.match(
      configured(byUrl)['webhook-certificate'] ?? '',
      /^problem: .*tls\.crt is not for 127\.0\.0\.1/,
    );
    const leaf = await issueLeaf(AUTHORITY, {
      notBeforeMs: NOW_MS - DAY_MS,
      notAfterMs: NOW_MS + 50 * DAY_MS,
      hosts: ['127.0.0.1'],
    });
    const parts = { webhook: webhookWith(byUrl) };
    assert.deepEqual(complaintsOf({ parts, facts: { certificate: leaf } }), {});
  });

  it('may be signed by an intermediate CA whose certificate comes with it', async () => {
    const hosts = ['stellar-peers-webhook.stellar-peers.svc'];
    const validity = { notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + 50 * DAY_MS };
    const { root, leaf, served: both } = await chainOf({ ...validity, hosts });
    const judged = (certificate: Issued) =>
      complaintsOf({
        parts: { webhook: webhookWith({ caBundle: base64(root.certPem) }) },
        facts: { certificate },
      });
    assert.deepEqual(judged(both), {});
    assert.match(
      judged(leaf)['webhook-certificate'] ?? '',
      /^problem: with caBundle as ca\.crt: no chain leads from tls\.crt/,
    );
    const over = { notBeforeMs: NOW_MS - 2 * DAY_MS, notAfterMs: NOW_MS - DAY_MS };
    const middle = authorityBelow(root, 'over', over);
    const below = await issueLeaf(middle, { ...validity, hosts });
    assert.match(
      judged({ ...below, certPem: below.certPem + middle.certPem })['webhook-certificate'] ?? '',
      /^problem: .*a CA of tls\.crt expired at/,
    );
  });

  it('must not have ended, or be about to end', async () => {
    assert.equal(await issued(79), undefined);
    assert.match((await issued(81)) ?? '', /^warning: it ends in 19 days, and was not renewed/);
    assert.match((await issued(101)) ?? '', /^problem: .*tls\.crt expired at /);
  });

  it('is skipped, with the missing right, if its Secret may not be read', () => {
    const unread = new Map([['certificate' as const, 'you may not get resource "secrets"']]);
    assert.deepEqual(complaintsOf({ facts: { unread, certificate: undefined } }), {
      'webhook-certificate': 'skipped: you may not get resource "secrets"',
    });
  });
});

describe('the newest pod', () => {
  const pod = (createdAt: string, injected = true) => ({
    pod: { createdAt, ...(injected ? {} : { injected, annotations: {} }) },
  });
  const found = (specs: Record<string, Spec>) => complaintsOf({ specs })['webhook-answers'];

  it('must have been created with its peers', () => {
    const [early, late] = ['2026-05-01T00:00:00Z', '2026-05-02T00:00:00Z'];
    assert.equal(found({ a: pod(early, false), b: pod(late) }), undefined);
    assert.equal(
      found({ a: pod(early), b: pod(late, false) }),
      'warning: stellar/b-0, the newest pod, was created without its peers',
    );
  });

  it('gives no finding if the pod is older than the webhook or opted out, or there is no pod', () => {
    const none = /^skipped: no pod of a validator is newer than the webhook/;
    assert.match(found({ a: pod('2024-05-01T00:00:00Z', false) }) ?? '', none);
    const out = { node: { annotations: { 'stellar.org/peer-injection': 'disabled' } } };
    assert.match(found({ a: { ...out, ...pod('2026-05-01T00:00:00Z', false) } }) ?? '', none);
    assert.match(found({}) ?? '', none);
  });
});
