/**
 * A new CA that is not trusted yet, and a Secret that others replace: callers never meet a certificate of an unknown CA.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBundle } from '../../../certs/check.ts';
import type { Bundle } from '../../../certs/source.ts';
import { keysOf, SECRET, setUp } from './managed-stage.ts';
import { FOREIGN, HOSTS, trusting } from './managed-world.ts';

function assertSmooth(given: readonly Bundle[], nowMs: number): void {
  for (const [index, bundle] of given.entries()) {
    const before = given[index - 1];
    if (!before) continue;
    const underBefore = checkBundle({ ...bundle, caPem: before.caPem }, { hosts: HOSTS, nowMs });
    assert.equal(underBefore.ok, true, `bundle ${index} is not trusted by the caBundle before it`);
    const beforeUnder = checkBundle({ ...before, caPem: bundle.caPem }, { hosts: HOSTS, nowMs });
    assert.equal(beforeUnder.ok, true, `bundle ${index} drops trust in the one before it`);
  }
}

test('a rotation waits, and logs so, while a call through the webhook configuration fails', async (t) => {
  let problem: string | undefined = 'connection refused';
  const callers = { ...trusting, probe: () => Promise.resolve(problem) };
  const { kube, clock, log, replica } = setUp(t, {}, callers);
  const given = replica();
  await clock.passUntil(() => given.length === 1);
  await kube.delete(SECRET);
  await clock.passUntil(() => log.with(/the rotation waits/).length >= 3);
  assert.equal(given.length, 2, 'the new CA is there, its certificate is not');
  assert.equal(log.with(/the rotation waits/)[0]?.fields.problem, problem);
  problem = undefined;
  await clock.passUntil(() => given.length >= 3);
  assertSmooth(given, clock.nowMs());
});

test('a good Secret that others put in place of ours is adopted without a gap', async (t) => {
  const { kube, clock, replica } = setUp(t);
  const [one, two] = [replica(), replica()];
  await clock.passUntil(() => one.length === 1 && two.length === 1);
  await kube.patch(
    SECRET,
    Object.entries(keysOf(FOREIGN)).map(([key, text]) => ({
      op: 'replace' as const,
      path: `/data/${key}`,
      value: Buffer.from(text).toString('base64'),
    })),
  );
  const hasCame = (given: readonly Bundle[]) => given.some(({ certPem }) => certPem === FOREIGN.certPem);
  await clock.passUntil(() => hasCame(one) && hasCame(two));
  for (const given of [one, two]) {
    const came = given.findIndex(({ certPem }) => certPem === FOREIGN.certPem);
    for (const before of given.slice(0, came)) {
      const { caPem } = given[came] ?? before;
      const checked = checkBundle({ ...before, caPem }, { hosts: HOSTS, nowMs: clock.nowMs() });
      assert.equal(checked.ok, true, 'what was served before stays trusted');
    }
  }
});
