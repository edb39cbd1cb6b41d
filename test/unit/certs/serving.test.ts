/**
 * We always serve a certificate that callers trust, if there is one.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { checkBundle } from '../../../certs/check.ts';
import { ServedBundle, waitOf } from '../../../certs/serving.ts';
import { type Bundle, Latest } from '../../../certs/source.ts';
import { Trust } from '../../../certs/trust.ts';
import type { WebhookFacts } from '../../../peers/world.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { NOW_MS } from '../stand-ins/now.ts';
import { DAY_MS, goodContent, HOSTS } from './managed-world.ts';

const bundleOf = async (): Promise<Bundle> => {
  const checked = checkBundle(await goodContent(NOW_MS), { hosts: HOSTS, nowMs: NOW_MS });
  assert.ok(checked.ok);
  return checked.value;
};
const former = await bundleOf();
const next = await bundleOf();

/** The certificate that we serve, given for how long callers have trusted each. */
const choose = (formerForMs: number, nextForMs: number, nowMs = NOW_MS) => {
  const forMs = new Map([
    [former, formerForMs],
    [next, nextForMs],
  ]);
  const acceptedForMs = (bundle: Bundle) => forMs.get(bundle) ?? 0;
  return waitOf({ serving: former, offered: next, nowMs, acceptedForMs });
};

test('the first certificate is served at once, because there is no better one', () => {
  assert.equal(waitOf({ serving: undefined, offered: next, nowMs: NOW_MS, acceptedForMs: () => 0 }), 0);
});

test('a certificate of the same CA is served at once', () => {
  const renewed = { ...former, serial: '02' };
  assert.equal(waitOf({ serving: former, offered: renewed, nowMs: NOW_MS, acceptedForMs: () => 0 }), 0);
});

test('a certificate of another CA is served when callers have trusted that CA for a moment', () => {
  assert.equal(choose(60_000, 0), 5_000);
  assert.equal(choose(60_000, 4_000), 1_000);
  assert.equal(choose(60_000, 5_000), 0);
});

test('a certificate of another CA is served at once if the served one is no longer trusted, or ends', () => {
  assert.equal(choose(0, 0), 0);
  assert.equal(choose(60_000, 0, former.notAfterMs - 59_000), 0);
  assert.equal(choose(60_000, 0, former.notAfterMs - 61_000), 1_001);
});

function setUp(_t: TestContext) {
  const clock = new ManualClock(NOW_MS);
  const log = new CapturedLog();
  const configuration = new Latest<WebhookFacts>();
  const offered = new Latest<Bundle>();
  let known = true;
  const trust = new Trust({ clock, configuration, isKnown: () => known });
  const served = new ServedBundle({ clock, log, offered, trust });
  /** Webhooks whose caBundles hold the CAs of these bundles. */
  const configure = (...webhooks: ReadonlyArray<readonly Bundle[]>) =>
    configuration.set({
      createdAtMs: 0,
      entries: webhooks.map((bundles) => ({
        name: 'w',
        namespaceSelector: {},
        objectSelector: {},
        matchConditions: [],
        url: undefined,
        service: undefined,
        caBundle: Buffer.from(bundles.map(({ caPem }) => caPem).join('')).toString('base64'),
      })),
    } as unknown as WebhookFacts);
  const forget = () => {
    known = false;
    configuration.set(undefined);
  };
  return { clock, log, configuration, configure, offered, trust, served, forget };
}

test('a CA counts as trusted from the time when every caBundle has it, and no longer when one caBundle lacks it', (t) => {
  const { clock, configure, trust } = setUp(t);
  configure([former], []);
  clock.advance(10_000);
  assert.equal(trust.acceptedForMs(former), 0);
  configure([former], [next, former]);
  clock.advance(3_000);
  configure([former, next], [next, former]);
  clock.advance(1_000);
  assert.equal(trust.acceptedForMs(former), 4_000);
  assert.equal(trust.caTrustedForMs(next.caPem), 1_000);
  configure([next], [next]);
  assert.equal(trust.acceptedForMs(former), 0);
  assert.equal(trust.caTrustedForMs(next.caPem), 1_000);
});

test('without a webhook entry every certificate counts as trusted, and before the configuration was read none does', (t) => {
  const { configuration, configure, forget, trust } = setUp(t);
  assert.equal(trust.acceptedForMs(former), Number.POSITIVE_INFINITY);
  configure();
  assert.equal(trust.acceptedForMs(former), Number.POSITIVE_INFINITY);
  forget();
  assert.equal(configuration.observe(), undefined);
  assert.equal(trust.acceptedForMs(former), 0);
});

test('a caBundle of garbage trusts no certificate, and causes no error', (t) => {
  const { configuration, configure, trust } = setUp(t);
  configure([former]);
  const { entries = [] } = configuration.observe() ?? {};
  for (const caBundle of [
    '',
    'Cg==',
    '\u0000',
    Buffer.from('-----BEGIN CERTIFICATE-----').toString('base64'),
  ]) {
    configuration.set({
      version: '',
      createdAtMs: 0,
      entries: entries.map((entry) => ({ ...entry, caBundle })),
    });
    assert.equal(trust.acceptedForMs(former), 0);
  }
});

test('a certificate of a new CA is served 5 s after every caBundle has that CA, and the wait is logged once', async (t) => {
  const { clock, configure, log, offered, served } = setUp(t);
  configure([former]);
  offered.set(former);
  assert.equal(served.observe(), former);
  clock.advance(DAY_MS / 2);
  offered.set(next);
  clock.advance(60_000);
  assert.equal(served.observe(), former);
  configure([former, next]);
  clock.advance(4_999);
  await Promise.resolve();
  assert.equal(served.observe(), former);
  await clock.passUntil(() => served.observe() === next, 1);
  assert.equal(log.with(/waits until caBundle/).length, 1);
});

test('while a certificate waits, a newer one takes its place', (t) => {
  const { clock, configure, offered, served } = setUp(t);
  configure([former]);
  offered.set(former);
  clock.advance(60_000);
  offered.set(next);
  const renewed = { ...former, serial: '02', fingerprint: 'renewed' };
  offered.set(renewed);
  assert.equal(served.observe(), renewed);
});

test('a certificate of a new CA is served at once if caBundle is replaced by the new CA alone', (t) => {
  const { clock, configure, offered, served } = setUp(t);
  configure([former]);
  offered.set(former);
  clock.advance(60_000);
  offered.set(next);
  assert.equal(served.observe(), former);
  configure([next]);
  assert.equal(served.observe(), next);
});
