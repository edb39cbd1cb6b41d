/**
 * The requests of the managed source to the API server, without changes and while requests are refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../stand-ins/memory-kube.ts';
import { fill, keysOf, READ, SECRET, setUp, WRITE, writesOf } from './managed-stage.ts';
import { DAY_MS, FOREIGN, MINUTE_MS } from './managed-world.ts';

test('an hour without changes costs one read a minute and no write', async (t) => {
  const { kube, clock, replica } = setUp(t);
  await fill(kube, keysOf(FOREIGN));
  const given = replica();
  await clock.passUntil(() => given.length === 1);
  kube.requests.length = 0;
  const endMs = clock.monotonicMs() + 60 * MINUTE_MS;
  await clock.passUntil(() => clock.monotonicMs() >= endMs, MINUTE_MS / 4);
  assert.deepEqual(writesOf(kube), []);
  assert.ok(kube.requests.length <= 61, `${kube.requests.length} requests`);
});

test('a deletion that the watch reports is repaired at once, and a flood of changes costs one read a second', async (t) => {
  const { kube, clock, replica } = setUp(t, { pollMs: 30 * DAY_MS });
  const given = replica(true);
  await clock.passUntil(() => given.length === 1);
  const startMs = clock.monotonicMs();
  await kube.delete(SECRET);
  await clock.passUntil(() => given.length === 2);
  assert.ok(clock.monotonicMs() - startMs <= 2 * MINUTE_MS);
  kube.requests.length = 0;
  for (let change = 0; change < 1_000; change += 1) {
    await kube.apply(
      { ...SECRET, name: 'another' },
      { metadata: { name: 'another', labels: { is: `${change}` } } },
    );
    if (change % 100 === 0) clock.advance(1_000);
  }
  const reads = kube.requests.filter((request) => request === READ);
  assert.ok(reads.length >= 2 && reads.length <= 12, `${reads.length} reads`);
});

const REFUSALS = [
  failure(403, 'Forbidden', 'secrets is forbidden'),
  failure(429, 'TooManyRequests', 'slow down', 7),
  failure(500, 'InternalError', 'etcd is away'),
  failure(0, '', 'connect ECONNREFUSED'),
];
for (const refusal of REFUSALS) {
  test(`ten minutes of refusals with status ${refusal.status} stop nothing, make requests rarer and are logged`, async (t) => {
    const { kube, clock, log, replica } = setUp(t);
    await fill(kube, keysOf(FOREIGN));
    kube.requests.length = 0;
    const given = replica();
    kube.intercept = () => {
      throw refusal;
    };
    await clock.passUntil(() => clock.monotonicMs() >= 10 * MINUTE_MS);
    assert.equal(given.length, 0);
    assert.ok(kube.requests.length <= 30, `${kube.requests.length} requests`);
    assert.equal(log.with(/trying again/)[0]?.fields.error, refusal);
    kube.intercept = () => undefined;
    await clock.passUntil(() => given.length === 1);
  });
}

test('the API server is asked again no sooner than its Retry-After says', async (t) => {
  const { kube, clock, replica } = setUp(t);
  kube.intercept = () => {
    throw failure(429, 'TooManyRequests', 'slow down', 7);
  };
  const given = replica();
  await clock.passUntil(() => kube.requests.length === 3);
  assert.deepEqual(clock.slept.slice(0, 4), [1_000, 6_000, 1_000, 6_000]);
  assert.equal(given.length, 0);
});

test('a good certificate is served even if its renewal is refused', async (t) => {
  const { kube, clock, replica } = setUp(t);
  await fill(kube, keysOf(FOREIGN));
  kube.intercept = (request) => {
    if (request === WRITE) throw failure(403, 'Forbidden', 'secrets is forbidden');
  };
  clock.advance(25 * DAY_MS);
  const given = replica();
  await clock.passUntil(() => given.length === 1 && kube.requests.filter((one) => one === WRITE).length > 2);
  kube.intercept = () => undefined;
  await clock.passUntil(() => given.length > 1);
});
