/** The output of `stellar-peers check`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { CHECKS, evaluate } from '../../../../cli/check/evaluate.ts';
import { renderCheck } from '../../../../cli/check/render.ts';
import { factsWith, webhookWith } from './healthy.ts';

const plain = (_: string, text: string) => text;

/** One finding of each kind, such as an unreadable object, a warning and a problem. */
const findings = evaluate(
  factsWith({
    parts: { webhook: webhookWith({ failurePolicy: 'Fail', caBundle: '' }) },
    facts: { unread: new Map([['lease', 'you may not get resource "leases"']]) },
  }),
);

describe('the table', () => {
  it('groups and marks the findings, says what to do, and ends with the totals', () => {
    assert.equal(
      renderCheck(findings, 'table', plain),
      `Cluster
  ✓ API server              v1.37.0
  ✓ StellarNode definition  stellar.org/v1alpha1, newer generation; validatorConfig.peerPort is kept

Installation
  ✓ replicas                2 of 2 replicas ready
  ✓ version                 image 0.1.0, this command 0.1.0
  ✓ DNS domain              cluster.local
  ✓ admission policies      8 policies, each bound
  - leader                  you may not get resource "leases"

Webhook
  ! configuration           failurePolicy Fail: while we are down no validator pod can start
    > let it select the namespaces of these validators, with failurePolicy Ignore; or apply your manifests again, in your overlay: kubectl apply -k .
  ✗ certificate             caBundle is empty, so the API server trusts no answer of ours
    > the replicas (or cainjector) fill caBundle within seconds; if they do not, their log says why. docs/high-availability.md says what happens in each case
  ✓ answer                  stellar/a-0, the newest pod, was created with its peers

Validators
  ✓ validators              3 validators in 1 network
  ✓ ConfigMaps, Services    current in 1 namespace with validators
  ✓ pod templates           written by their operator alone
  ✓ merged configuration    no pod is blocked by it; for 3 StellarNodes the image decides which file is read

Network
  ✓ NetworkPolicies         none selects a validator
  ✓ HTTP port               the leader reaches 11626 of no validator

Restarts
  ✓ restarts wanted         none

14 ok, 1 warning, 1 problem, 1 skipped.
`,
    );
  });

  it('shows the ids in its wide form', () => {
    const lines = renderCheck(findings, 'wide', plain).split('\n');
    for (const { id } of CHECKS) {
      const shown = lines.filter((line) => line.startsWith(` ${id} `, 3));
      assert.equal(shown.length, 1, id);
    }
  });

  it('is coloured only if asked for', () => {
    const painted = renderCheck(findings, 'table', (colour, text) => `<${colour}>${text}</>`);
    assert.match(painted, /^<bold>Cluster<\/>\n {2}<green>✓<\/> API server/);
    assert.match(painted, /\n<red>14 ok, 1 warning, 1 problem, 1 skipped\.<\/>\n$/);
  });
});

describe('the output for programs', () => {
  it('is the same in JSON and YAML, with a hint wherever the user has to act', () => {
    const json = JSON.parse(renderCheck(findings, 'json', plain));
    assert.deepEqual(parse(renderCheck(findings, 'yaml', plain)), json);
    assert.deepEqual(json.summary, { ok: 14, warning: 1, problem: 1, skipped: 1 });
    for (const { id, verdict, hint } of json.checks)
      assert.equal(hint !== undefined, verdict === 'warning' || verdict === 'problem', id);
    assert.deepEqual(json.checks[8], {
      id: 'webhook-certificate',
      category: 'Webhook',
      title: 'certificate',
      verdict: 'problem',
      found: 'caBundle is empty, so the API server trusts no answer of ours',
      hint: 'the replicas (or cainjector) fill caBundle within seconds; if they do not, their log says why. docs/high-availability.md says what happens in each case',
    });
  });
});

describe('the checks', () => {
  it('each have a unique id that scripts can use', () => {
    const ids = CHECKS.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^[a-z]+(-[a-z]+)*$/);
  });
});
