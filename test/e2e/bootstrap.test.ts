import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { CERT_SECRET } from '../../peers/names.ts';
import { Secrets } from '../../runtime/kube/resources.ts';
import { ourRefusals } from '../cluster/audit.ts';
import { Network, stampOf, THREE } from '../cluster/network.ts';
import { createScene } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { startedScene } from '../cluster/shared-scene.ts';
import { eventsIn } from '../cluster/told.ts';

const TWENTY = Array.from({ length: 20 }, (_, index) => `validator-${index + 1}`);
/** A seed, which StellarNodes of the older generation may contain, and no log may contain. */
const SEED = `S${'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.repeat(2).slice(0, 55)}`;
const SECRET = { resource: Secrets, namespace: 'stellar-peers', name: CERT_SECRET };
const CONFIDENTIAL = { spec: { validatorConfig: { seed: SEED, seedSecretRef: 'the-seed' } } };

describe('a new network', () => {
  const scene = startedScene(() => createScene({ env: { LOG_LEVEL: 'debug' } }));

  for (const [operator, reactMs] of [
    ['an operator that reacts within milliseconds', 0],
    ['an operator that takes seconds', 2_000],
  ] as const) {
    for (const round of [1, 2]) {
      it(`of three, 300 ms apart, by ${operator}, starts without a restart (round ${round})`, async () => {
        await scene.operate({ reactMs });
        const network = new Network(scene, `three-${reactMs}-${round}`, CONFIDENTIAL);
        await network.found(THREE, 300);
        await network.untilReady(THREE);
        await settled(scene);
        for (const name of THREE) {
          const others = THREE.filter((other) => other !== name);
          assert.equal(
            network.stamp(name),
            stampOf(network.namespace, others),
            `${name} names the two others`,
          );
        }
        assert.deepEqual(scene.pods.restarts(), {});
      });

      it(`of twenty at once, by ${operator}, starts without a restart (round ${round})`, async () => {
        await scene.operate({ reactMs });
        const network = new Network(scene, `twenty-${reactMs}-${round}`);
        await network.found(TWENTY);
        await network.untilReady(TWENTY, 120_000);
        await settled(scene);
        for (const name of TWENTY) {
          const own = stampOf(network.namespace, [name]).slice(3);
          const known = (network.stamp(name) ?? 'v1:').slice(3).split(',');
          assert.ok(known.length >= 8, `${name} knows ${known.length}`);
          assert.ok(!known.includes(own), `${name} knows itself`);
        }
        assert.deepEqual(scene.pods.restarts(), {});
        const told = await eventsIn(scene.cluster, network.namespace);
        assert.deepEqual(
          told.filter(({ type }) => type === 'Warning'),
          [],
          'there is no warning',
        );
      });
    }
  }

  it('leaves no key, no seed and no passphrase in the logs of our replicas, at the level of debug', async () => {
    const { data } = ((await scene.cluster.admin.get(SECRET)) ?? {}) as { data?: Record<string, string> };
    const secrets = ['tls.key', 'ca.key'].map((name) => data?.[name] ?? '');
    const material = secrets.flatMap((text) => Buffer.from(text, 'base64').toString().split('\n'));
    const long = material.filter((line) => /^[\w+/=]{16,}$/.test(line));
    assert.ok(long.length > 2);
    for (const { logPath } of scene.replicas?.replicas ?? []) {
      const log = readFileSync(logPath, 'utf8');
      assert.match(log, /review answered/, 'the log is at level debug');
      assert.doesNotMatch(log, /PRIVATE KEY|LS0tLS1CRUdJTi/);
      for (const line of [...long, ...secrets]) assert.ok(!log.includes(line));
      for (const text of [SEED, 'the-seed', ' ; 2026']) assert.ok(!log.includes(text), text);
    }
  });

  it('needs no request that RBAC refuses', async () => {
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});
