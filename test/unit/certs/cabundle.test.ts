/**
 * The patch of caBundle, then the loop that applies it to an API server in memory.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { caBundlePatch, keepCaBundle } from '../../../certs/cabundle.ts';
import { type CaRule, managedCaRule, mountedCaRule } from '../../../certs/cabundle-rules.ts';
import { certificatesIn, checkBundle } from '../../../certs/check.ts';
import { fillSecret } from '../../../certs/secret.ts';
import { type Bundle, Latest, type Observed } from '../../../certs/source.ts';
import { WEBHOOK_CONFIGURATION } from '../../../peers/names.ts';
import { readWebhook } from '../../../peers/read/cluster.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { MutatingWebhookConfigurations, type ObjectRef } from '../../../runtime/kube/resources.ts';
import { Notifier } from '../../../runtime/notifier.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { failure, MemoryKube } from '../stand-ins/memory-kube.ts';
import { NOW_MS } from '../stand-ins/now.ts';
import { FOREIGN, goodContent, HOSTS, secretIn } from './managed-world.ts';

const NAMESPACE = 'stellar-peers';
const CONFIGURATION: ObjectRef = { resource: MutatingWebhookConfigurations, name: WEBHOOK_CONFIGURATION };
const SECRET = secretIn(NAMESPACE);
const base64 = (text: string) => Buffer.from(text).toString('base64');

const content = FOREIGN;
const other = await goodContent(NOW_MS);
const BOTH = { ...content, caPem: content.caPem + other.caPem };
const bundleOf = (pem: typeof content): Bundle => {
  const checked = checkBundle(pem, { hosts: HOSTS, nowMs: NOW_MS });
  assert.ok(checked.ok);
  return checked.value;
};
const ONE = bundleOf(content);
const ONE_AND_OTHER = bundleOf(BOTH);

const entry = (name: string, caBundle?: string) => ({
  name,
  clientConfig: { service: { name: 'x', namespace: 'y' }, ...(caBundle === undefined ? {} : { caBundle }) },
});
const factsOf = (raw: KubeObject | undefined) => raw && readWebhook(raw);
const configuration = (...webhooks: object[]): KubeObject => ({
  metadata: { name: WEBHOOK_CONFIGURATION, resourceVersion: '7' },
  webhooks,
});

/** An API server with the configuration and the Secret, and the loop that keeps caBundle. */
async function setUp(t: TestContext) {
  const kube = new MemoryKube();
  const clock = new ManualClock();
  const log = new CapturedLog();
  const stop = new AbortController();
  t.after(() => stop.abort());
  await kube.apply(SECRET, { metadata: { name: SECRET.name, namespace: NAMESPACE } });
  const fill = async (pem: typeof content) => {
    const secret = await kube.get(SECRET);
    assert.ok(secret);
    await fillSecret(kube, secret, pem);
  };
  await fill(content);
  const install = () =>
    kube.apply(CONFIGURATION, {
      metadata: { name: WEBHOOK_CONFIGURATION },
      webhooks: [entry('a'), entry('b', base64('\n'))],
    });
  /** A replica that serves `bundle` and sees the configuration through a watch. */
  const keep = (
    bundle: Observed<Bundle>,
    watched: () => KubeObject | undefined = () => kube.observe(CONFIGURATION),
    rule: CaRule = managedCaRule({ kube, clock, namespace: NAMESPACE }),
  ) =>
    keepCaBundle(
      {
        kube,
        clock,
        log,
        rule,
        configuration: { observe: () => factsOf(watched()), onChange: kube.onChange },
        outage: new Notifier(),
        bundle,
      },
      stop.signal,
    );
  const entries = () => (kube.observe(CONFIGURATION)?.webhooks ?? []) as Array<ReturnType<typeof entry>>;
  const bundles = () => entries().map(({ clientConfig }) => clientConfig.caBundle);
  const filledWith = (bundle: Bundle) => () =>
    bundles().length === 2 && bundles().every((value) => value === base64(bundle.caPem));
  const writes = () => kube.requests.filter((request) => request.startsWith('patch '));
  return { kube, clock, log, stop, fill, install, keep, entries, bundles, filledWith, writes };
}

function holding(bundle: Bundle): Latest<Bundle> {
  const latest = new Latest<Bundle>();
  latest.set(bundle);
  return latest;
}

test('the patch sets exactly our CAs in every entry that differs, and tests the version that was read', () => {
  const wanted = base64(ONE.caPem);
  assert.deepEqual(
    caBundlePatch(
      readWebhook(configuration(entry('a'), entry('b', wanted), entry('c', 'Cg=='))),
      () => ONE.caPem,
    ),
    [
      { op: 'test', path: '/metadata/resourceVersion', value: '7' },
      { op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: wanted },
      { op: 'add', path: '/webhooks/2/clientConfig/caBundle', value: wanted },
    ],
  );
});

test('the patch is empty if no entry differs, or there is no entry', () => {
  assert.deepEqual(
    caBundlePatch(readWebhook(configuration(entry('a', base64(ONE.caPem)))), () => ONE.caPem),
    [],
  );
  assert.deepEqual(
    caBundlePatch(readWebhook(configuration()), () => ONE.caPem),
    [],
  );
});

test('a CA that is not ours is removed from caBundle', () => {
  assert.equal(
    caBundlePatch(readWebhook(configuration(entry('a', base64(ONE_AND_OTHER.caPem)))), () => ONE.caPem)
      .length,
    2,
  );
});

test('an empty caBundle is filled with one write, and then no request follows', async (t) => {
  const { kube, clock, keep, install, filledWith, writes } = await setUp(t);
  await install();
  kube.requests.length = 0;
  void keep(holding(ONE));
  await clock.passUntil(filledWith(ONE));
  const endMs = clock.monotonicMs() + 3_600_000;
  await clock.passUntil(() => clock.monotonicMs() >= endMs, 60_000);
  assert.equal(writes().length, 1);
  assert.equal(kube.requests.length, 2, 'the Secret is read, the configuration written');
});

test('a missing configuration is logged once, and filled when it appears', async (t) => {
  const { kube, clock, log, keep, install, filledWith } = await setUp(t);
  void keep(holding(ONE));
  await clock.passUntil(() => log.with(/missing/).length > 0);
  for (let change = 0; change < 5; change += 1) {
    await kube.apply(
      { ...SECRET, name: 'noise' },
      { metadata: { name: 'noise', labels: { is: `${change}` } } },
    );
    clock.advance(5_000);
  }
  assert.equal(log.with(/missing/).length, 1);
  await install();
  await clock.passUntil(filledWith(ONE));
  await kube.delete(CONFIGURATION);
  await clock.passUntil(() => log.with(/missing/).length === 2);
});

test('a configuration that the watch has not shown yet is not logged as missing', async (t) => {
  const { clock, log, keep, install, filledWith } = await setUp(t);
  await install();
  void keep(holding(ONE), () => undefined);
  await clock.passUntil(filledWith(ONE));
  assert.equal(log.with(/missing/).length, 0);
});

test('a watch that is behind causes one refused write, and no wrong write', async (t) => {
  const { kube, clock, log, keep, install, entries, filledWith, writes } = await setUp(t);
  const stale = await install();
  await kube.patch(CONFIGURATION, [{ op: 'add', path: '/webhooks/0/name', value: 'renamed' }]);
  kube.requests.length = 0;
  void keep(holding(ONE), () => stale);
  await clock.passUntil(filledWith(ONE));
  assert.equal(writes().length, 2);
  assert.equal(entries()[0]?.name, 'renamed');
  assert.equal(log.lines.filter((line) => line.level === 'warn').length, 0);
});

test('two replicas that begin together write once', async (t) => {
  const { clock, keep, install, filledWith, kube } = await setUp(t);
  const version = Number((await install()).metadata.resourceVersion);
  void keep(holding(ONE));
  void keep(holding(ONE));
  await clock.passUntil(filledWith(ONE));
  const calmMs = clock.monotonicMs() + 60_000;
  await clock.passUntil(() => clock.monotonicMs() >= calmMs);
  assert.equal(kube.observe(CONFIGURATION)?.metadata.resourceVersion, String(version + 1));
});

test('a replica that still serves the bundle before a rotation does not remove the new CA', async (t) => {
  const { clock, keep, install, fill, filledWith, writes } = await setUp(t);
  await install();
  const early = holding(ONE);
  const late = holding(ONE);
  void keep(early);
  void keep(late);
  await clock.passUntil(filledWith(ONE));
  const before = writes().length;
  await fill(BOTH);
  early.set(ONE_AND_OTHER);
  await clock.passUntil(filledWith(ONE_AND_OTHER));
  const endMs = clock.monotonicMs() + 600_000;
  await clock.passUntil(() => clock.monotonicMs() >= endMs);
  assert.ok(filledWith(ONE_AND_OTHER)());
  assert.ok(writes().length - before <= 2, `${writes().length - before} writes`);
});

test('the served certificate stays trusted while the Secret is unusable', async (t) => {
  const { kube, clock, keep, install, filledWith } = await setUp(t);
  await install();
  await kube.delete(SECRET);
  void keep(holding(ONE));
  await clock.passUntil(filledWith(ONE));
});

test('a refused write is logged with its cause, and retried ever more slowly', async (t) => {
  const { kube, clock, log, keep, install, filledWith, writes } = await setUp(t);
  await install();
  const refusal = failure(403, 'Forbidden', 'may not patch');
  kube.intercept = (request) => {
    if (request.startsWith('patch ')) throw refusal;
  };
  void keep(holding(ONE));
  await clock.passUntil(() => clock.monotonicMs() >= 600_000);
  assert.ok(writes().length >= 5 && writes().length <= 30, `${writes().length} writes`);
  assert.equal(log.with(/trying again/)[0]?.fields.error, refusal);
  kube.intercept = () => undefined;
  await clock.passUntil(filledWith(ONE));
});

test('with mounted certificates, the CAs in caBundle stay, and ours are added', async (t) => {
  const { kube, clock, keep, bundles } = await setUp(t);
  const cainjectors = base64(other.caPem);
  await kube.apply(CONFIGURATION, configuration(entry('a', cainjectors), entry('b')));
  void keep(holding(ONE), undefined, mountedCaRule(holding(bundleOf(other))));
  const idsIn = (pem: string) => certificatesIn(pem).map((cert) => cert.fingerprint256);
  const held = () => bundles().map((value = '') => idsIn(Buffer.from(value, 'base64').toString()));
  const [ours, theirs] = [idsIn(content.caPem), idsIn(other.caPem)];
  await clock.passUntil(() => held().every((ids) => ids.length === 2));
  assert.deepEqual(held(), [
    [...theirs, ...ours],
    [...ours, ...theirs],
  ]);
});

test('with mounted certificates, no Secret is read, and a caBundle that has our CAs is left alone', async (t) => {
  const { kube, clock, keep, writes } = await setUp(t);
  const theirs = base64(`# a comment that cert-manager may keep\n${ONE_AND_OTHER.caPem}`);
  await kube.apply(CONFIGURATION, configuration(entry('a', theirs), entry('b', theirs)));
  kube.requests.length = 0;
  void keep(holding(ONE), undefined, mountedCaRule(holding(ONE)));
  await clock.passUntil(() => clock.monotonicMs() >= 3_600_000, 60_000);
  assert.deepEqual([writes(), kube.requests], [[], []]);
});

test('a CA that others remove right after our write is restored within a tenth of a second', async (t) => {
  const { kube, clock, keep, install, filledWith } = await setUp(t);
  await install();
  void keep(holding(ONE));
  await clock.passUntil(filledWith(ONE), 10);
  const writtenAtMs = clock.monotonicMs();
  await kube.patch(CONFIGURATION, [
    { op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: base64('x') },
  ]);
  await clock.passUntil(filledWith(ONE), 10);
  const tookMs = clock.monotonicMs() - writtenAtMs;
  assert.ok(tookMs <= 100, `after ${tookMs} ms`);
});

test('a conflict with another writer of caBundle is logged, and our writes become rarer', async (t) => {
  const { kube, clock, log, keep, install, writes } = await setUp(t);
  await install();
  let taken = 0;
  kube.onChange(() => {
    const [first] = (kube.observe(CONFIGURATION)?.webhooks ?? []) as Array<ReturnType<typeof entry>>;
    if (first?.clientConfig.caBundle === undefined || first.clientConfig.caBundle === base64('x')) return;
    taken += 1;
    void kube.patch(CONFIGURATION, [
      { op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: base64('x') },
    ]);
  });
  void keep(holding(ONE));
  await clock.passUntil(() => clock.monotonicMs() >= 600_000, 250);
  const ours = writes().length - taken;
  assert.ok(log.with(/something else keeps writing/).length > 0);
  assert.ok(ours > 20 && ours <= 20 * 11, `${ours} writes in ten minutes`);
});

test('the loop ends when its signal is aborted', async (t) => {
  const { clock, keep, stop } = await setUp(t);
  const kept = keep(new Latest<Bundle>());
  stop.abort();
  assert.equal(await clock.pass(kept), undefined);
});
