import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OPT_OUT_EXPRESSION } from '../../peers/injection/selectors.ts';
import { KubeError, type KubeObject } from '../../runtime/kube/port.ts';
import {
  MutatingWebhookConfigurations,
  Namespaces,
  Pods,
  StatefulSets,
} from '../../runtime/kube/resources.ts';
import type { AdmissionReview } from './admission.ts';
import { type Admit, SimServer } from './api-server.ts';
import { setBody } from './conformance-sets.ts';
import { Random } from './random.ts';
import { StatefulSetController } from './statefulset-controller.ts';
import { SimTime } from './time.ts';

const STAMP = [{ op: 'add', path: '/metadata/annotations', value: { stamped: 'yes' } }] as const;
const CONFIGURATION: KubeObject = {
  apiVersion: MutatingWebhookConfigurations.apiVersion,
  kind: MutatingWebhookConfigurations.kind,
  metadata: { name: 'webhook' },
  webhooks: [
    {
      name: 'pods.example.org',
      failurePolicy: 'Ignore',
      timeoutSeconds: 5,
      objectSelector: { matchLabels: { app: 'web' } },
      namespaceSelector: { matchExpressions: [{ key: 'closed', operator: 'DoesNotExist' }] },
      matchConditions: [{ name: 'opt-out', expression: OPT_OUT_EXPRESSION }],
    },
  ],
};

const pod = (name: string, metadata: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  metadata: { name, namespace: 'here', labels: { app: 'web' }, ...metadata },
  spec: { containers: [{ name: 'main', image: 'none' }] },
});

async function stage(admit: Admit) {
  const time = new SimTime(Date.UTC(2026, 10, 23, 12));
  const server = new SimServer({ time, random: new Random(1) });
  for (const [name, labels] of Object.entries({ here: {}, closed: { closed: 'yes' } })) {
    const ref = { resource: Namespaces, name };
    await server.admin.apply(ref, { metadata: { name, labels } }, { manager: 'x' });
  }
  await server.admin.create(MutatingWebhookConfigurations, CONFIGURATION);
  const reviews: AdmissionReview[] = [];
  server.admit = (review) => {
    reviews.push(review);
    return admit(review);
  };
  const annotations = (name: string, namespace = 'here') =>
    server.store.get({ resource: Pods, namespace, name })?.metadata.annotations;
  return { time, server, reviews, annotations };
}

describe('a new pod in the simulated API server', () => {
  it('is patched by the webhook that selects it', async () => {
    const { server, reviews, annotations } = await stage(async () => STAMP);
    await server.admin.create(Pods, pod('a'));
    assert.deepEqual(annotations('a'), { stamped: 'yes' });
    const [review] = reviews;
    assert.equal(review?.request.operation, 'CREATE');
    assert.deepEqual([review?.request.namespace, review?.request.name], ['here', 'a']);
    assert.equal(review?.request.object.metadata.uid, undefined);
  });

  it('is not shown to a webhook that does not select it', async () => {
    const { server, reviews } = await stage(async () => STAMP);
    const opt = { 'stellar.org/peer-injection': 'disabled' };
    await server.admin.create(Pods, pod('a', { labels: { app: 'another' } }));
    await server.admin.create(Pods, pod('b', { namespace: 'closed' }));
    await server.admin.create(Pods, pod('c', { annotations: opt }));
    await server.admin.create(Pods, pod('d', { annotations: { 'stellar.org/peer-injection': 'yes' } }));
    assert.deepEqual(
      reviews.map(({ request }) => request.name),
      ['d'],
    );
  });

  it('is let pass as it is when the webhook is down', async () => {
    const { server, annotations } = await stage(() => Promise.reject(new Error('connection refused')));
    await server.admin.create(Pods, pod('a'));
    assert.equal(annotations('a'), undefined);
  });

  it('is let pass as it is when the webhook does not answer in time', async () => {
    const { time, server, annotations } = await stage(() => new Promise(() => {}));
    const created = server.admin.create(Pods, pod('a'));
    await time.run(4_999);
    assert.equal(server.store.get({ resource: Pods, namespace: 'here', name: 'a' }), undefined);
    await time.run(5_000);
    await created;
    assert.equal(annotations('a'), undefined);
  });

  it('is denied by a patch that does not apply, or that makes it invalid', async () => {
    const patches = [
      [{ op: 'add', path: '/nowhere/below', value: 1 }],
      [{ op: 'add', path: '/spec/volumes', value: [{ name: 'twice' }, { name: 'twice' }] }],
    ] as const;
    const statuses: number[] = [];
    for (const patch of patches) {
      const { server } = await stage(async () => patch);
      const refused = await server.admin.create(Pods, pod('a')).catch((error: unknown) => error);
      assert.ok(refused instanceof KubeError);
      statuses.push(refused.status);
    }
    assert.deepEqual(statuses, [500, 422]);
  });

  it('that is held keeps one of five workers of the StatefulSet controller', async () => {
    const { time, server, reviews } = await stage(() => new Promise(() => {}));
    new StatefulSetController({ server, time, reactMs: () => 1 });
    const names = Array.from({ length: 7 }, (_, index) => `set-${index}`);
    for (const name of names) {
      const set = setBody('here', name);
      const labels = { app: 'web' };
      const spec = set.spec as { selector: object; template: { metadata: object } };
      spec.selector = { matchLabels: labels };
      spec.template.metadata = { labels };
      await server.admin.create(StatefulSets, set);
    }
    await time.run(4_000);
    assert.equal(reviews.length, 5);
    await time.run(6_000);
    assert.equal(reviews.length, 7);
  });
});
