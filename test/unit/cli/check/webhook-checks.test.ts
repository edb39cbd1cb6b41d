/** What `stellar-peers check` says of the webhook and its certificates. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAuthority } from '../../../../certs/authority.ts';
import type { Trial } from '../../../../cli/check/facts.ts';
import { AUTHORITY, base64, complaintsOf, NOW_MS, webhookWith } from './healthy.ts';

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
    for (const id of ['webhook-failure-policy', 'webhook-ca-bundle', 'webhook-answers'])
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
  it('must not be empty; then no answer is believed', () => {
    const found = configured({ caBundle: '' });
    assert.deepEqual(Object.keys(found), ['webhook-ca-bundle', 'webhook-answers']);
    assert.match(found['webhook-ca-bundle'] ?? '', /^problem: it is empty/);
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
    for (const days of [101, -1])
      assert.equal((await bundle(days))['webhook-ca-bundle'], 'problem: no CA in it is valid now');
  });

  it('is as good as the best CA in it', async () => {
    const old = await createAuthority({ notBeforeMs: NOW_MS - 9 * DAY_MS, notAfterMs: NOW_MS - DAY_MS });
    assert.deepEqual(configured({ caBundle: base64(old.certPem + AUTHORITY.certPem) }), {});
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
