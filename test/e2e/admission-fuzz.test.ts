/**
 * Odd pods at a real API server. With our webhook it accepts each pod that it accepts without the webhook, and the stored
 * pods differ only by our additions. FUZZ_SEED=n repeats the same pods, FUZZ_PODS=n sets their number.
 */
import assert from 'node:assert/strict';
import { Agent, type RequestOptions, request } from 'node:https';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { fieldsOf } from '../../peers/field.ts';
import { loadKubeConfig } from '../../runtime/kube/kubeconfig.ts';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { StatefulSets } from '../../runtime/kube/resources.ts';
import { podOfSet } from '../cluster/dry-run.ts';
import { createValidator, type Scene } from '../cluster/scene.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { metricOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';
import { oddOf } from '../unit/fuzz/odd.ts';
import { changedIn, oddChanges } from '../unit/fuzz/reviews.ts';
import { assertInjected, assertUntouched } from '../unit/webhook/untouched.ts';
import { plausibleChanges } from './plausible-pods.ts';

const { FUZZ_SEED: seedText = '', FUZZ_PODS: podsText = '' } = process.env;
const SEED = seedText === '' ? Math.floor(Math.random() * 2 ** 31) : Number(seedText);
const PODS = podsText === '' ? 160 : Number(podsText);
const NAMESPACE = 'odd';
/** A namespace that our webhook does not select. */
const UNASKED = 'unasked';

/** The pod without its namespace, and without the fields that the API server fills with new values each time. */
function comparable(pod: KubeObject): KubeObject {
  const text = JSON.stringify(pod).replaceAll(/kube-api-access-[a-z0-9]+/g, 'kube-api-access');
  const copy = JSON.parse(text) as KubeObject;
  const made = ['uid', 'creationTimestamp', 'managedFields', 'namespace'];
  if ('generateName' in copy.metadata) made.push('name');
  const kept = Object.entries(copy.metadata).filter(([key]) => !made.includes(key));
  const { status: _status, ...rest } = copy;
  return { ...rest, metadata: Object.fromEntries(kept) } as unknown as KubeObject;
}

describe('an odd pod', () => {
  let scene: Scene;
  let target: RequestOptions;
  let base: KubeObject;

  /** Creates the pod in the namespace as a dry run, and resolves to the answer. */
  const create = (pod: KubeObject, namespace: string): Promise<{ status: number; body: KubeObject }> =>
    new Promise((resolve, reject) => {
      const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All&fieldValidation=Ignore`;
      const headers = { ...target.headers, 'content-type': 'application/json' };
      const outgoing = request({ ...target, path, method: 'POST', headers }, async (incoming) => {
        const chunks: Buffer[] = [];
        for await (const chunk of incoming) chunks.push(chunk);
        resolve({
          status: incoming.statusCode ?? 0,
          body: JSON.parse(Buffer.concat(chunks).toString('utf8')),
        });
      });
      outgoing.on('error', reject);
      outgoing.end(JSON.stringify({ ...pod, metadata: { ...fieldsOf(pod.metadata), namespace } }));
    });

  before(async () => {
    scene = await sharedScene({ replicas: 1 });
    await scene.start();
    await scene.cluster.createNamespace(NAMESPACE);
    await scene.cluster.createNamespace(UNASKED, { 'stellar.org/peer-injection': 'disabled' });
    await createValidator(scene, 'validator-1', { namespace: NAMESPACE });
    const ref = { resource: StatefulSets, namespace: NAMESPACE, name: 'validator-1' };
    const set = await until('validator-1 has a StatefulSet', () => scene.cluster.admin.get(ref));
    base = podOfSet(set, { namespace: NAMESPACE, name: 'odd' });

    const config = loadKubeConfig({ path: scene.cluster.kubeconfigPath });
    const { hostname, port } = new URL(config.getCurrentCluster()?.server ?? '');
    target = { hostname, port };
    await config.applyToHTTPSOptions(target);
    const { ca, cert, key } = target;
    target.agent = new Agent({ ca, cert, key, keepAlive: true });
    await until('pods are injected', async () => {
      const { status, body } = await create(base, NAMESPACE);
      if (status !== 201) throw new Error(`the API server answers ${status}: ${body.message}`);
      return 'stellar.org/peers' in (body.metadata.annotations ?? {});
    });
  });
  after(async () => {
    (target?.agent as Agent | undefined)?.destroy();
    await scene?.stop();
  });

  it('is accepted with our patch if it is accepted without, and differs only by our additions', async (t) => {
    t.diagnostic(`FUZZ_SEED=${SEED}, ${PODS} pods`);
    const plausible = plausibleChanges.map((changes) => changedIn(base, changes));
    const odd = oddChanges.chain((changes) => oddOf([changedIn(base, changes)], { shallow: true }));
    const values = fc.oneof(
      { arbitrary: plausible, weight: 3 },
      { arbitrary: odd.map(({ value }) => value), weight: 1 },
    );
    const tally = { accepted: 0, injected: 0, merged: 0 };
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const { ownerReferences, labels } = base.metadata;
        const metadata = {
          ...fieldsOf(value.metadata),
          ownerReferences,
          labels: { ...labels, ...fieldsOf(fieldsOf(value.metadata).labels) },
        };
        const pod = { ...value, metadata } as unknown as KubeObject;
        const [without, withUs] = [await create(pod, UNASKED), await create(pod, NAMESPACE)];
        if (without.status !== 201) return;
        tally.accepted += 1;
        assert.equal(withUs.status, 201, `our patch denies the pod: ${withUs.body.message}`);
        assertUntouched(comparable(without.body), comparable(withUs.body));
        const text = JSON.stringify(withUs.body);
        if (text.includes('"mountPath":"/etc/stellar/peers"')) tally.injected += 1;
        if (text.includes('stellar-peers-config')) tally.merged += 1;
      }),
      { seed: SEED, numRuns: PODS },
    );
    t.diagnostic(JSON.stringify(tally));
    assert.ok(
      tally.accepted > PODS / 4 && tally.injected > PODS / 8,
      'too few pods were accepted for a result',
    );
  });

  it('does not prevent the injection of other pods', async () => {
    assertInjected((await create(base, NAMESPACE)).body, 'validator-1');
    const failed = await metricOf(
      scene.replicas?.replicas ?? [],
      'stellar_peers_admission_reviews_total{result="failed"}',
    );
    assert.equal(failed, 0);
  });
});
