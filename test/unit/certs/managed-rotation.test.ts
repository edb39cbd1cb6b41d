/**
 * Renewal, repair and a new CA: callers that trust caBundle never meet an unknown certificate.
 */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { checkBundle } from '../../../certs/check.ts';
import type { Bundle } from '../../../certs/source.ts';
import { keysOf, READ, SECRET, setUp } from './managed-stage.ts';
import { DAY_MS, FOREIGN, HOSTS, MINUTE_MS, trusting } from './managed-world.ts';

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

test('a Secret that is deleted while running is replaced by another CA, and callers notice nothing', async (t) => {
  const { kube, clock, replica } = setUp(t);
  const [one, two] = [replica(), replica()];
  await clock.passUntil(() => one.length === 1 && two.length === 1);
  await kube.delete(SECRET);
  // A replica may miss a step that another has taken.
  const isOver = (given: readonly Bundle[]) =>
    given.length > 1 &&
    given.at(-1)?.serial !== given[0]?.serial &&
    given.at(-1)?.caPem.match(/BEGIN CERTIFICATE/g)?.length === 1;
  await clock.passUntil(() => isOver(one) && isOver(two));
  assert.equal(one.at(-1)?.fingerprint, two.at(-1)?.fingerprint);
  assert.notEqual(one.at(-1)?.caPem, one[0]?.caPem);
  for (const given of [one, two]) {
    assertSmooth(given, clock.nowMs());
    assert.equal(given[1]?.serial, given[0]?.serial, 'the certificate in use stays at first');
  }
});

test('a certificate is renewed at two thirds of its life, under the same CA', async (t) => {
  const { kube, clock, replica } = setUp(t, { pollMs: DAY_MS });
  const given = replica();
  await clock.passUntil(() => given.length === 1 && clock.monotonicMs() >= MINUTE_MS);
  const before = kube.requests.length;
  clock.advance(59 * DAY_MS);
  await clock.passUntil(() => kube.requests.length > before);
  await clock.passUntil(() => clock.monotonicMs() >= 59 * DAY_MS + 2 * MINUTE_MS);
  assert.deepEqual(kube.requests.slice(before), [READ]);
  assert.equal(given.length, 1);
  clock.advance(DAY_MS);
  await clock.passUntil(() => given.length === 2);
  assert.equal(given[1]?.caPem, given[0]?.caPem);
  assert.notEqual(given[1]?.serial, given[0]?.serial);
});

/** Follows one replica through a rotation; gives what it served and the time when each bundle came. */
async function rotation(parts: ReturnType<typeof setUp>, given: Bundle[]) {
  const timesMs: number[] = [];
  for (const count of [2, 3, 4]) {
    await parts.clock.passUntil(() => given.length === count);
    timesMs.push(parts.clock.monotonicMs());
  }
  const [introducedMs = 0, usedMs = 0, retiredMs = 0] = timesMs;
  return { overlapMs: usedMs - introducedMs, retireMs: retiredMs - usedMs };
}

test('a new CA is trusted for a while before it is used, the former one for a while after', async (t) => {
  const parts = setUp(t, { caLifetimeMs: 6 * DAY_MS, pollMs: MINUTE_MS });
  const given = parts.replica();
  await parts.clock.passUntil(() => given.length === 1);
  parts.clock.advance(4 * DAY_MS);
  const { overlapMs, retireMs } = await rotation(parts, given);
  assertSmooth(given, parts.clock.nowMs());
  assert.ok(overlapMs >= 2 * MINUTE_MS, `used after ${overlapMs} ms`);
  assert.ok(retireMs >= 10 * MINUTE_MS, `retired after ${retireMs} ms`);
  for (const { certPem, notAfterMs } of given) {
    assert.equal(
      new X509Certificate(certPem).validToDate.getTime(),
      notAfterMs,
      'no certificate outlives its CA',
    );
  }
});

test('a CA whose key is lost is replaced the same way', async (t) => {
  const parts = setUp(t);
  const given = parts.replica();
  await parts.clock.passUntil(() => given.length === 1);
  const { data } = parts.kube.observe(SECRET) as { data?: Record<string, string> };
  await parts.kube.patch(SECRET, [{ op: 'replace', path: '/data/ca.key', value: data?.['tls.key'] }]);
  const { overlapMs } = await rotation(parts, given);
  assertSmooth(given, parts.clock.nowMs());
  assert.ok(overlapMs >= 2 * MINUTE_MS, `used after ${overlapMs} ms`);
});

test('a rotation waits while a call through the webhook configuration fails, and says so', async (t) => {
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

test('a good Secret that another puts in place of ours is adopted without a gap', async (t) => {
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
