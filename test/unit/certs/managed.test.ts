/**
 * What a managed source does with a Secret: a good one is adopted, a bad one is replaced, with a reason.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBundle } from '../../../certs/check.ts';
import { NOW_MS } from '../stand-ins/now.ts';
import { misnamed } from './chain.ts';
import { nextOf } from './conformance.ts';
import { APPLY, fill, keysOf, READ, SECRET, setUp, WRITE, writesOf } from './managed-stage.ts';
import { DAY_MS, FOREIGN, goodContent, HOSTS, MINUTE_MS } from './managed-world.ts';

test('the Secret is created empty by apply and filled by one update of the version that was read', async (t) => {
  const { kube, clock, first } = setUp(t);
  let seenEmpty = false;
  kube.intercept = (request) => {
    if (request === WRITE) seenEmpty = kube.observe(SECRET)?.data === undefined;
  };
  const bundle = await first();
  assert.equal(seenEmpty, true);
  assert.deepEqual(kube.requests, [READ, APPLY, WRITE, READ]);
  assert.ok(bundle.notBeforeMs <= clock.nowMs() - 60 * MINUTE_MS, 'valid for callers whose clock is behind');
});

test('of two replicas that start together, one fills the Secret and the other adopts it', async (t) => {
  const { kube, clock, replica } = setUp(t);
  const [one, two] = [replica(), replica()];
  await clock.passUntil(() => one.length > 0 && two.length > 0);
  assert.equal(one[0]?.fingerprint, two[0]?.fingerprint);
  assert.equal(kube.observe(SECRET)?.metadata.resourceVersion, '2', 'one creation and one fill');
});

test('a good Secret is adopted unchanged, without a write', async (t) => {
  const { kube, first } = setUp(t);
  const content = FOREIGN;
  await fill(kube, keysOf(content));
  kube.requests.length = 0;
  const bundle = await first();
  assert.equal(bundle.certPem, content.certPem);
  assert.deepEqual(kube.requests, [READ]);
});

test('keys of others in the Secret stay', async (t) => {
  const { kube, first } = setUp(t);
  await fill(kube, { note: 'not ours' });
  await first();
  assert.equal(kube.observe(SECRET)?.data?.['note' as never], Buffer.from('not ours').toString('base64'));
});

const OTHER = await goodContent(NOW_MS, ['other.svc']);
const CORRUPTIONS: Array<[string, (good: Record<string, string>) => Promise<object> | object, string]> = [
  ['is without its certificate', () => ({ 'tls.crt': '' }), 'Empty'],
  ['is without its CA', () => ({ 'ca.crt': '' }), 'Empty'],
  ['holds garbage as certificate', () => ({ 'tls.crt': 'garbage' }), 'Unreadable'],
  ['holds garbage as key', () => ({ 'tls.key': '\u0000\u0001' }), 'Unreadable'],
  ['holds garbage as CA', () => ({ 'ca.crt': '-----BEGIN CERTIFICATE-----\nx' }), 'Unreadable'],
  ['holds garbage as the key of the CA', () => ({ 'ca.key': 'garbage' }), 'Unreadable'],
  ['holds the key of another', (good) => ({ 'tls.key': good['ca.key'] }), 'KeyMismatch'],
  ['holds a key of another CA', () => ({ 'ca.key': OTHER.caKeyPem }), 'KeyMismatch'],
  [
    'holds the pair of another CA',
    () => ({ 'ca.crt': OTHER.caPem, 'ca.key': OTHER.caKeyPem }),
    'WrongIssuer',
  ],
  ['is for other hosts', () => keysOf(OTHER), 'WrongHost'],
  [
    'is without its certificate, and has a CA that cannot sign one',
    ({ 'ca.crt': ca = '' }) => ({ 'tls.crt': '', 'ca.crt': misnamed(ca) }),
    'Unreadable',
  ],
  ['has expired', async () => keysOf(await goodContent(NOW_MS - 400 * DAY_MS)), 'Expired'],
  ['is not valid yet', async () => keysOf(await goodContent(NOW_MS + 400 * DAY_MS)), 'NotYetValid'],
];
for (const [what, corrupt, reason] of CORRUPTIONS) {
  test(`a Secret that ${what} is replaced, with the reason ${reason}`, async (t) => {
    const { kube, clock, log, first, signal, source } = setUp(t);
    const good = keysOf(FOREIGN);
    await fill(kube, { ...good, ...(await corrupt(good)) });
    let bundle = await first();
    // A CA that cannot sign leaves its certificate good: it is served, and the CA replaced behind it.
    if (writesOf(kube).length === 1) bundle = await clock.pass(nextOf(source(), bundle, signal));
    assert.equal(checkBundle(bundle, { hosts: HOSTS, nowMs: clock.nowMs() }).ok, true);
    const [written] = log.with(/Secret written/);
    assert.equal(written?.fields.reason, reason);
    assert.equal(written?.level, 'warn');
    assert.match(String(written?.fields.why), /^.{10,}$/);
    assert.equal(log.with(/Secret written/).length, 1);
  });
}

test('a Secret that lacks a host of ours keeps the hosts of others', async (t) => {
  const { kube, clock, first } = setUp(t);
  await fill(kube, keysOf(OTHER));
  const bundle = await first();
  assert.equal(checkBundle(bundle, { hosts: [...HOSTS, 'other.svc'], nowMs: clock.nowMs() }).ok, true);
});
