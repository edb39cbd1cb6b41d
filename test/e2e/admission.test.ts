/** Admission of pods, through a real API server and directly over TLS. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createAuthority, issueLeaf } from '../../certs/authority.ts';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { MutatingWebhookConfigurations, StatefulSets } from '../../runtime/kube/resources.ts';
import { dryRun, podOfSet } from '../cluster/dry-run.ts';
import { addressOf, Published } from '../cluster/published.ts';
import type { Replica } from '../cluster/replica.ts';
import { createValidator, podNow, type Scene } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { metricOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';
import { assertInjected, assertUntouched } from '../unit/webhook/untouched.ts';
import { ODD_PODS } from './odd-pods.ts';

const NAMESPACE = 'admitted';
const NAMES = ['validator-1', 'validator-2', 'validator-3'];
const OPTED_OUT = { 'stellar.org/peer-injection': 'disabled' };

/** The pod without the fields that the API server fills with new values each time. */
function comparable(pod: KubeObject): KubeObject {
  const text = JSON.stringify(pod).replaceAll(/kube-api-access-[a-z0-9]+/g, 'kube-api-access');
  const copy = JSON.parse(text) as KubeObject;
  const { uid: _uid, creationTimestamp: _time, managedFields: _fields, ...metadata } = copy.metadata;
  if ('generateName' in metadata) metadata.name = '';
  return { ...copy, metadata } as KubeObject;
}

describe('admission', () => {
  let scene: Scene;
  let published: Published;
  let replica: Replica;
  let set: KubeObject;

  const create = (pod: object) => dryRun(scene.cluster, pod);
  /** A pod as the StatefulSet of validator-1 makes it, with another name. */
  const podOf = (name: string) => podOfSet(set, { namespace: NAMESPACE, name });
  const reviews = (result: string) =>
    metricOf([replica], `stellar_peers_admission_reviews_total{result="${result}"}`);

  before(async () => {
    scene = await sharedScene({ replicas: 1 });
    published = new Published(scene.cluster.admin);
    const { replicas } = await scene.start();
    assert.ok(replicas[0]);
    replica = replicas[0];
    await scene.cluster.createNamespace(NAMESPACE);
    await Promise.all(NAMES.map((name) => createValidator(scene, name, { namespace: NAMESPACE })));
    await scene.pods.until('all are Ready', (pods) =>
      NAMES.every((name) => pods.isReady(`${NAMESPACE}/${name}-0`)),
    );
    await published.untilPeers({
      [`${NAMESPACE}/validator-1`]: [
        addressOf(NAMESPACE, 'validator-2'),
        addressOf(NAMESPACE, 'validator-3'),
      ],
    });
    const ref = { resource: StatefulSets, namespace: NAMESPACE, name: 'validator-1' };
    set = await until('validator-1 has a StatefulSet', () => scene.cluster.admin.get(ref));
    // Reviews are counted below, so no other pod may be reviewed meanwhile.
    await settled(scene);
  });
  after(async () => {
    await published?.stop();
    await scene?.stop();
  });

  describe('keeps all settings of the user, and is accepted by the API server, for a pod', () => {
    for (const [index, { title, change, warning, injected }] of ODD_PODS.entries()) {
      it(title, async () => {
        const odd = podOf(`odd-${index}`);
        change(odd);
        const annotations = odd.metadata.annotations ?? {};
        // The pod as the API server stores it without asking us. A pod that opts out by itself needs no change for that.
        const unasked = structuredClone(odd);
        const isFull = JSON.stringify(annotations).length > 200_000;
        unasked.metadata.annotations = isFull ? { ...OPTED_OUT } : { ...annotations, ...OPTED_OUT };
        const { pod: baseline } = await create(unasked);
        if (odd.metadata.annotations) baseline.metadata.annotations = annotations;
        else delete baseline.metadata.annotations;
        const { pod, warnings } = await create(odd);
        assertUntouched(comparable(baseline), comparable(pod));
        if (injected) assertInjected(pod, 'validator-1');
        else assert.deepEqual(comparable(pod), comparable(baseline));
        assert.deepEqual(
          warnings.map((line) => line.split(': ')[2]),
          warning === undefined ? [] : [warning],
        );
      });
    }
  });

  it('patches a pod only once, however many reviews there are for it', async () => {
    const pod = await podNow(scene, 'validator-1-0', NAMESPACE);
    assert.ok(pod);
    assertInjected(pod, 'validator-1');
    const { annotations, labels, ownerReferences } = pod.metadata;
    const [patched, unchanged] = [await reviews('patched'), await reviews('unchanged')];
    const { nodeName: _, ...spec } = pod.spec as { nodeName?: string };
    const metadata = { name: 'again', namespace: NAMESPACE, annotations, labels, ownerReferences };
    const { pod: again, warnings } = await create({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
    assert.deepEqual(again.metadata.annotations, annotations);
    assert.deepEqual((again.spec as { volumes: object }).volumes, (pod.spec as { volumes: object }).volumes);
    assert.deepEqual(warnings, []);
    assert.deepEqual([await reviews('patched'), await reviews('unchanged')], [patched, unchanged + 1]);
  });

  it('stays correct when a later webhook inserts a sidecar in front and the API server sends a second review', async (t) => {
    const injector = await startInjector(scene);
    t.after(() => injector.stop());
    const odd = podOf('twice');
    odd.metadata.labels = { ...odd.metadata.labels, sidecar: 'wanted' };
    const containersOf = (pod: KubeObject) =>
      (pod.spec as { containers: Array<{ name: string }> }).containers.map(({ name }) => name);
    await until(
      'the other webhook is asked',
      async () => containersOf((await create(odd)).pod)[0] === 'proxy',
    );
    const [patched, unchanged] = [await reviews('patched'), await reviews('unchanged')];
    const { pod, warnings } = await create(odd);
    assert.deepEqual(containersOf(pod), ['proxy', 'stellar-node', 'stellar-health-check']);
    assertInjected(pod, 'validator-1');
    assert.deepEqual(warnings, []);
    assert.deepEqual([await reviews('patched'), await reviews('unchanged')], [patched + 1, unchanged + 1]);
  });
});

/** Another webhook, called after ours, which puts a sidecar in front of the containers. */
async function startInjector({ cluster }: Scene): Promise<{ stop(): Promise<void> }> {
  const validity = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };
  const authority = await createAuthority(validity);
  const leaf = await issueLeaf(authority, { ...validity, hosts: ['127.0.0.1'] });
  const server: Server = createServer({ cert: leaf.certPem, key: leaf.keyPem }, async (incoming, answer) => {
    let text = '';
    for await (const chunk of incoming) text += chunk;
    const { apiVersion, kind, request: asked } = JSON.parse(text);
    const first = asked.object.spec.containers[0].name;
    const operation = { op: 'add', path: '/spec/containers/0', value: { name: 'proxy', image: 'proxy' } };
    const patch = Buffer.from(JSON.stringify(first === 'proxy' ? [] : [operation])).toString('base64');
    const response = { uid: asked.uid, allowed: true, patchType: 'JSONPatch', patch };
    answer.setHeader('content-type', 'application/json');
    answer.end(JSON.stringify({ apiVersion, kind, response }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const name = 'zz-sidecars';
  const { port } = server.address() as AddressInfo;
  await cluster.admin.create(MutatingWebhookConfigurations, {
    metadata: { name },
    webhooks: [
      {
        name: 'sidecars.example.org',
        admissionReviewVersions: ['v1'],
        clientConfig: {
          url: `https://127.0.0.1:${port}/`,
          caBundle: Buffer.from(authority.certPem).toString('base64'),
        },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
        objectSelector: { matchLabels: { sidecar: 'wanted' } },
        sideEffects: 'None',
        failurePolicy: 'Fail',
      },
    ],
  });
  return {
    stop: async () => {
      await cluster.kubectl(['delete', 'mutatingwebhookconfiguration', name]);
      server.closeAllConnections();
      server.close();
    },
  };
}
