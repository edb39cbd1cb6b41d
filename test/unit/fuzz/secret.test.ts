/** The certificate's Secret of any content: replaced by a good one, with a reason, and no reason shows a key. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { managedCaRule } from '../../../certs/cabundle-rules.ts';
import { checkBundle, checkSigner } from '../../../certs/check.ts';
import { planCertificate } from '../../../certs/plan.ts';
import { contentOf } from '../../../certs/secret.ts';
import { Trust } from '../../../certs/trust.ts';
import { readWebhook } from '../../../peers/read/cluster.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { Secrets } from '../../../runtime/kube/resources.ts';
import { keysOf, NAMESPACE, SECRET, setUp } from '../certs/managed-stage.ts';
import { FOREIGN, HOSTS, settingsIn } from '../certs/managed-world.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { NOW_MS } from '../stand-ins/now.ts';
import { fuzz, oddOf, oddValue } from './odd.ts';
import { misnamed, oddPem } from './odd-pem.ts';

/** A source of two keys in each run is dear. */
const SOURCE_RUNS = 8;

const encoded = (keys: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );

const GOOD_KEYS = keysOf(FOREIGN);
const METADATA = { name: SECRET.name, namespace: NAMESPACE, uid: 'secret-1', resourceVersion: '1' };
const secretWith = (content: object) => ({ ...content, metadata: METADATA }) as unknown as KubeObject;
const GOOD = { type: 'Opaque', data: encoded(GOOD_KEYS) };

/** Some keys hold odd PEM, the others what is good. */
const oddKeys = fc
  .dictionary(fc.constantFrom(...Object.keys(GOOD_KEYS)), oddPem, { minKeys: 1 })
  .map((keys) => secretWith({ ...GOOD, data: { ...GOOD.data, ...encoded(keys) } }));

const oddSecret: fc.Arbitrary<KubeObject> = fc.oneof(
  { arbitrary: oddKeys, weight: 3 },
  { arbitrary: oddOf([GOOD], { shallow: true }).map(({ value }) => secretWith(value)), weight: 1 },
  { arbitrary: oddValue.map((data) => secretWith({ type: 'Opaque', data })), weight: 1 },
);

const assertTold = (sentence: string): void => {
  assert.match(sentence, /^[^\n]{10,400}$/);
  assert.doesNotMatch(sentence, /PRIVATE KEY|MII/);
};

describe('a certificate Secret of any content', () => {
  it('gives something to serve, or a step with a reason, whatever is served already', async (t) => {
    const nowMs = NOW_MS;
    const terms = { ...settingsIn(NAMESPACE), renewAt: 2 / 3 };
    const good = checkBundle(FOREIGN, { hosts: HOSTS, nowMs });
    assert.ok(good.ok);
    await fuzz(t, { values: fc.tuple(oddSecret, fc.boolean()) }, ([secret, isServing]) => {
      const content = contentOf(secret);
      for (const part of Object.values(content)) assert.equal(typeof part, 'string');
      const last = isServing ? good.value : undefined;
      const plan = planCertificate(content, { nowMs, seenForMs: 0, trustedForMs: 0, last }, terms);
      assert.ok(plan.bundle ?? plan.step);
      if (plan.step) assertTold(plan.step.why.sentence);
      for (const checked of [checkBundle(content, { hosts: HOSTS, nowMs }), checkSigner(content, nowMs)]) {
        if (!checked.ok) assertTold(checked.fault.sentence);
      }
    });
  });

  it('becomes a good one, which every replica then takes, and is told why', async (t) => {
    await fuzz(t, { runs: SOURCE_RUNS, values: oddSecret }, async (secret) => {
      const { kube, clock, log, first } = setUp(t);
      kube.seed(Secrets, [secret]);
      const bundle = await first();
      assert.ok(checkBundle(bundle, { hosts: HOSTS, nowMs: clock.nowMs() }).ok);
      assert.equal((await first()).fingerprint, bundle.fingerprint);
      assert.deepEqual(log.with(/cannot be read or written/), []);
      for (const { fields } of log.with(/Secret written/)) assertTold(String(fields.why));
      assert.doesNotMatch(JSON.stringify(log.lines), /PRIVATE KEY/);
    });
  });

  it('with a CA that can be read and cannot sign gets another CA', async (t) => {
    const { kube, log, first } = setUp(t);
    const data = encoded({ ...GOOD_KEYS, 'tls.crt': '', 'ca.crt': misnamed(FOREIGN.caPem) });
    kube.seed(Secrets, [secretWith({ data })]);
    assert.notEqual((await first()).caPem, FOREIGN.caPem);
    assert.equal(log.with(/Secret written/).length, 1);
  });
});

describe('a caBundle of any content', () => {
  it('is trusted for what it holds of ours, and replaced by the Secret’s CAs', async (t) => {
    const nowMs = NOW_MS;
    const good = checkBundle(FOREIGN, { hosts: [], nowMs });
    assert.ok(good.ok);
    const entries = fc.array(
      fc.oneof(
        oddPem,
        oddPem.map((pem) => Buffer.from(pem).toString('base64')),
      ),
      { maxLength: 3 },
    );
    await fuzz(t, { values: entries }, async (caBundles) => {
      const webhooks = caBundles.map((caBundle) => ({ name: 'any', clientConfig: { caBundle } }));
      const facts = readWebhook({ webhooks });
      const configuration = { observe: () => facts, onChange: () => () => undefined };
      const trust = new Trust({ clock: new ManualClock(), configuration, isKnown: () => true });
      assert.ok(trust.acceptedForMs(good.value) >= 0);
      assert.ok(trust.caTrustedForMs(FOREIGN.caPem) >= 0);
      const { kube, clock } = setUp(t);
      const rule = managedCaRule({ kube, clock, namespace: NAMESPACE });
      for (const caBundle of caBundles) {
        assert.equal(rule.fromMemory(good.value)(caBundle), good.value.caPem);
        assert.equal((await rule.fromCluster(good.value))(caBundle), good.value.caPem);
      }
    });
  });
});
