/** What `stellar-peers check` says of the webhook and its certificates. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAuthority, issueLeaf } from '../../../../certs/authority.ts';
import type { Trial } from '../../../../cli/check/facts.ts';
import { authorityBelow, chainOf } from '../../certs/chain.ts';
import { AUTHORITY, base64, complaintsOf, LEAF, NOW_MS, STRANGER, webhookWith } from './healthy.ts';

const DAY_MS = 86_400_000;
const configured = (entry: Record<string, unknown>) =>
  complaintsOf({ parts: { webhook: webhookWith(entry) } });

describe('the webhook configuration', () => {
  it('must be there; what depends on it is skipped where it is not', () => {
    const found = complaintsOf({ parts: { webhook: undefined } });
    assert.match(
      found['webhook-configuration'] ?? '',
      /^problem: there is no webhook pods\.peers\.stellar\.org/,
    );
    for (const id of [
      'webhook-failure-policy',
      'webhook-ca-bundle',
      'webhook-certificate',
      'webhook-answers',
    ])
      assert.match(found[id] ?? '', /^skipped/, id);
  });

  it('must have our webhook in it', () => {
    assert.match(configured({ name: 'other' })['webhook-configuration'] ?? '', /^problem/);
  });

  it('should select every validator', () => {
    assert.deepEqual(configured({ namespaceSelector: { matchLabels: { team: 'x' } } }), {
      'webhook-configuration': 'warning: it does not select stellar/a, stellar/b, stellar/c',
    });
  });

  it('should let pods start while we are down', () => {
    assert.deepEqual(configured({ failurePolicy: 'Fail' }), {
      'webhook-failure-policy': 'warning: Fail: while we are down no validator pod can start',
    });
  });
});

describe('caBundle', () => {
  it('must not be empty; then neither certificate nor answer can be judged', () => {
    const found = configured({ caBundle: '' });
    assert.deepEqual(Object.keys(found), ['webhook-ca-bundle', 'webhook-certificate', 'webhook-answers']);
    assert.match(found['webhook-ca-bundle'] ?? '', /^problem: it is empty/);
    assert.match(found['webhook-certificate'] ?? '', /^skipped/);
    assert.match(found['webhook-answers'] ?? '', /^skipped/);
  });

  it('must hold a certificate', () => {
    const said = /^problem: it holds no certificate that can be read/;
    assert.match(configured({ caBundle: base64('nonsense') })['webhook-ca-bundle'] ?? '', said);
  });

  it('must not have ended, and not be about to', async () => {
    const lived = (days: number) => ({
      notBeforeMs: NOW_MS - days * DAY_MS,
      notAfterMs: NOW_MS + (100 - days) * DAY_MS,
    });
    const bundle = async (days: number) =>
      configured({ caBundle: base64((await createAuthority(lived(days))).certPem) });
    assert.equal((await bundle(79))['webhook-ca-bundle'], undefined);
    assert.equal((await bundle(81))['webhook-ca-bundle'], 'warning: 1 CA; ends in 19 days');
    assert.match((await bundle(101))['webhook-ca-bundle'] ?? '', /^problem: the CA in it ended at /);
    assert.match((await bundle(-1))['webhook-ca-bundle'] ?? '', /^problem: the CA in it begins at /);
  });

  it('is as good as the best CA in it', async () => {
    const old = await createAuthority({ notBeforeMs: NOW_MS - 9 * DAY_MS, notAfterMs: NOW_MS - DAY_MS });
    assert.deepEqual(configured({ caBundle: base64(old.certPem + AUTHORITY.certPem) }), {});
  });
});

describe('the serving certificate', () => {
  const served = (certificatePem: string | undefined) => complaintsOf({ facts: { certificatePem } });
  const issued = async (days: number, host = 'stellar-peers-webhook.stellar-peers.svc') => {
    const validity = { notBeforeMs: NOW_MS - days * DAY_MS, notAfterMs: NOW_MS + (100 - days) * DAY_MS };
    return served((await issueLeaf(AUTHORITY, { ...validity, hosts: [host] })).certPem)[
      'webhook-certificate'
    ];
  };

  it('must be there, and be signed by a CA in caBundle', () => {
    const id = 'webhook-certificate';
    assert.deepEqual(served(undefined), { [id]: 'problem: there is no certificate in its Secret' });
    assert.deepEqual(configured({ caBundle: base64(STRANGER.certPem) }), {
      [id]: 'problem: no CA in caBundle has signed it, or a CA that comes with it',
    });
  });

  it('must be for the name, or the address, that the API server calls', async () => {
    assert.match(
      (await issued(1, 'other.svc')) ?? '',
      /^problem: it is not for stellar-peers-webhook\.stellar-peers\.svc/,
    );
    const byUrl = {
      clientConfig: { url: 'https://127.0.0.1:8443/mutate-pods', caBundle: base64(AUTHORITY.certPem) },
    };
    assert.match(configured(byUrl)['webhook-certificate'] ?? '', /^problem: it is not for 127\.0\.0\.1/);
    const leaf = await issueLeaf(AUTHORITY, {
      notBeforeMs: NOW_MS - DAY_MS,
      notAfterMs: NOW_MS + 50 * DAY_MS,
      hosts: ['127.0.0.1'],
    });
    const parts = { webhook: webhookWith(byUrl) };
    assert.deepEqual(complaintsOf({ parts, facts: { certificatePem: leaf.certPem } }), {});
  });

  it('may be of an intermediate CA, which comes with it', async () => {
    const hosts = ['stellar-peers-webhook.stellar-peers.svc'];
    const validity = { notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + 50 * DAY_MS };
    const { root, leaf, served: both } = await chainOf({ ...validity, hosts });
    const judged = (certificatePem: string) =>
      complaintsOf({
        parts: { webhook: webhookWith({ caBundle: base64(root.certPem) }) },
        facts: { certificatePem },
      });
    assert.deepEqual(judged(both.certPem), {});
    assert.match(
      judged(leaf.certPem)['webhook-certificate'] ?? '',
      /^problem: no CA in caBundle has signed it/,
    );
    const over = { notBeforeMs: NOW_MS - 2 * DAY_MS, notAfterMs: NOW_MS - DAY_MS };
    const middle = authorityBelow(root, 'over', over);
    const below = await issueLeaf(middle, { ...validity, hosts });
    assert.match(
      judged(below.certPem + middle.certPem)['webhook-certificate'] ?? '',
      /^problem: a CA that comes with it ended at/,
    );
  });

  it('must not have ended, and not be about to', async () => {
    assert.equal(await issued(79), undefined);
    assert.match((await issued(81)) ?? '', /^warning: it ends in 19 days, and was not renewed/);
    assert.match((await issued(101)) ?? '', /^problem: it ended at /);
  });

  it('is skipped, with the right that is missing, where its Secret may not be read', () => {
    const unread = new Map([['certificate' as const, 'you may not get resource "secrets"']]);
    assert.deepEqual(complaintsOf({ facts: { unread, certificatePem: undefined } }), {
      'webhook-certificate': 'skipped: you may not get resource "secrets"',
    });
    assert.notEqual(LEAF.certPem, '');
  });
});

describe('the pod for trial', () => {
  const tried = (trial: Trial) => complaintsOf({ facts: { trial } })['webhook-answers'];

  it('must come back with its peers', () => {
    assert.equal(
      tried({ kind: 'answered', node: 'stellar/a', pod: { spec: { volumes: [{ name: 'data' }] } } }),
      'problem: a pod of stellar/a, for trial, came back without its peers',
    );
  });

  it('that was refused because of us is a problem, because of others no verdict', () => {
    const refused = (why: string) => tried({ kind: 'refused', node: 'stellar/a', why });
    assert.match(refused('failed calling webhook "pods.peers.stellar.org": EOF') ?? '', /^problem/);
    assert.match(refused('exceeded quota: compute') ?? '', /^skipped: a pod of stellar\/a.* exceeded quota/);
  });

  it('needs a validator', () => {
    assert.match(tried({ kind: 'none' }) ?? '', /^skipped: no validator is one that it injects/);
    const none = complaintsOf({ specs: {}, parts: { services: [] }, facts: { trial: { kind: 'none' } } });
    assert.deepEqual(none, {
      'webhook-answers': 'skipped: there is no validator, so there is no pod to try it with',
    });
  });
});
