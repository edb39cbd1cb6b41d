/** `stellar-peers check` while an installation starts. Only objects that replicas still have to create may be missing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluate } from '../../../../cli/check/evaluate.ts';
import type { Facts } from '../../../../cli/check/facts.ts';
import { renderCheck, summaryOf } from '../../../../cli/check/render.ts';
import { type Change, complaintsOf, deploymentWith, factsWith, service, webhookWith } from './healthy.ts';

/** An installation whose manifests were applied that long ago, and whose replicas have done nothing yet. */
const applied = (ageSeconds: number, ready = 0, facts: Partial<Facts> = {}): Change => ({
  parts: { webhook: webhookWith({ caBundle: '' }), configMaps: [], services: [] },
  facts: {
    deployment: deploymentWith({ ready, ageSeconds }),
    lease: undefined,
    certificate: undefined,
    ...facts,
  },
});
/** The findings that only the work of replicas removes. */
const MISSING = ['deployment', 'leader', 'webhook-certificate', 'published'];
const problemsOf = (change: Change): string[] =>
  Object.entries(complaintsOf(change))
    .filter(([, found]) => found.startsWith('problem'))
    .map(([id]) => id);

describe('a check of an installation that has just been applied', () => {
  it('has no problem, and says for each missing object that the replicas are starting', () => {
    const found = complaintsOf(applied(8));
    assert.deepEqual(problemsOf(applied(8)), []);
    for (const id of MISSING) assert.match(found[id] ?? '', /^warning: starting, installed 8 s ago: /, id);
    assert.equal(
      found.deployment,
      'warning: starting, installed 8 s ago: 0 of 2 replicas ready',
      'what was found stays readable',
    );
    assert.equal(summaryOf(evaluate(factsWith(applied(8)))).problem, 0);
    assert.doesNotMatch(
      renderCheck(evaluate(factsWith(applied(8))), 'table', (_, text) => text),
      /✗/,
    );
  });

  it('has the missing objects as problems after a minute', () => {
    assert.deepEqual(problemsOf(applied(59)), []);
    assert.deepEqual(problemsOf(applied(60)), MISSING);
  });

  it('has the missing objects as problems at once if all replicas are ready', () => {
    assert.deepEqual(
      problemsOf(applied(8, 2)),
      MISSING.filter((id) => id !== 'deployment'),
    );
  });

  it('has a problem at once if no replica will remove the cause', () => {
    assert.deepEqual(problemsOf(applied(1, 0, { policies: [] })), ['admission-policies']);
    const services = [service('a-headless', { clusterIP: '10.0.0.1' })];
    const { facts = {} } = applied(1);
    assert.deepEqual(problemsOf({ parts: { services }, facts }), ['validators']);
    const missing = complaintsOf(applied(1, 0, { deployment: undefined })).deployment;
    assert.match(missing ?? '', /^problem: there is no Deployment/);
  });

  it('measures the age by the clock of the API server, even if that clock is behind', () => {
    assert.match(complaintsOf(applied(-3)).deployment ?? '', /^warning: starting, installed 0 s ago/);
  });
});
