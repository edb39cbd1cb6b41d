/** What `stellar-peers check` prints. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { CHECKS, evaluate } from '../../../../cli/check/evaluate.ts';
import { renderCheck } from '../../../../cli/check/render.ts';
import { factsWith, webhookWith } from './healthy.ts';

const plain = (_: string, text: string) => text;

/** Something of everything: one that could not be read, one warning, one problem. */
const findings = evaluate(
  factsWith({
    parts: { webhook: webhookWith({ failurePolicy: 'Fail', caBundle: '' }) },
    facts: { unread: new Map([['lease', 'you may not get resource "leases"']]) },
  }),
);

describe('the table', () => {
  it('groups what was found, marks it, says what to do, and ends with the sum', () => {
    assert.equal(
      renderCheck(findings, 'table', plain),
      `Cluster
  ✓ API server              v1.37.0
  ✓ StellarNode definition  stellar.org/v1alpha1, newer generation; validatorConfig.peerPort is kept

Installation
  ✓ replicas                2 of 2 replicas ready
  ✓ version                 image 0.1.0, this command 0.1.0
  ✓ settings                all of the Deployment can be used
  ✓ DNS domain              cluster.local
  ✓ rights                  ServiceAccount stellar-peers/stellar-peers has all of them
  ✓ admission policies      8 policies, each bound
  - leader                  you may not get resource "leases"

Webhook
  ✓ configuration           it selects every validator
  ! failure policy          Fail: while we are down no validator pod can start
    > set it to Ignore, so that pods also start while stellar-peers is down: apply your manifests again, in your overlay: kubectl apply -k .
  ✗ caBundle                it is empty, so the API server trusts no answer of ours
    > the replicas (or cainjector) fill it within seconds; if they do not, their log says why: kubectl -n stellar-peers logs -l app.kubernetes.io/name=stellar-peers --prefix
  - certificate             there is no CA in caBundle to verify it by
  - answer                  not tried: no answer is believed without a CA in caBundle

Validators
  ✓ validators              3 validators in 1 network
  ✓ annotations             all are known
  ✓ ConfigMaps              current in 1 namespace with validators
  ✓ headless Services       every StatefulSet has the one that it names
  ✓ budgets                 none forbids every restart
  ✓ pod templates           written by their operator alone
  ✓ merged configuration    no pod is blocked by it; for 3 StellarNodes the image decides which file is read

Network
  ✓ peers in                no NetworkPolicy is in the way
  ✓ peers out               no NetworkPolicy is in the way
  ✓ DNS                     names can be resolved
  ✓ HTTP port               no validator is known to have 11626 open

Restarts
  ✓ restarts wanted         none

21 ok, 1 warning, 1 problem, 3 skipped.
`,
    );
  });

  it('shows the ids in its wide form', () => {
    const lines = renderCheck(findings, 'wide', plain).split('\n');
    for (const { id } of CHECKS) {
      const shown = lines.filter((line) => line.includes(` ${id} `));
      assert.equal(shown.length, 1, id);
    }
  });

  it('is coloured only as it is told to', () => {
    const painted = renderCheck(findings, 'table', (colour, text) => `<${colour}>${text}</>`);
    assert.match(painted, /^<bold>Cluster<\/>\n {2}<green>✓<\/> API server/);
    assert.match(painted, /\n<red>21 ok, 1 warning, 1 problem, 3 skipped\.<\/>\n$/);
  });
});

describe('for programs', () => {
  it('JSON and YAML say the same, with a hint wherever something is to be done', () => {
    const json = JSON.parse(renderCheck(findings, 'json', plain));
    assert.deepEqual(parse(renderCheck(findings, 'yaml', plain)), json);
    assert.deepEqual(json.summary, { ok: 21, warning: 1, problem: 1, skipped: 3 });
    for (const { id, verdict, hint } of json.checks)
      assert.equal(hint !== undefined, verdict === 'warning' || verdict === 'problem', id);
    assert.deepEqual(json.checks[11], {
      id: 'webhook-ca-bundle',
      category: 'Webhook',
      title: 'caBundle',
      verdict: 'problem',
      found: 'it is empty, so the API server trusts no answer of ours',
      hint: 'the replicas (or cainjector) fill it within seconds; if they do not, their log says why: kubectl -n stellar-peers logs -l app.kubernetes.io/name=stellar-peers --prefix',
    });
  });
});

describe('the checks', () => {
  it('each have an id of their own, fit for scripts', () => {
    const ids = CHECKS.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^[a-z]+(-[a-z]+)*$/);
  });
});
