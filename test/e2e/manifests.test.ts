/** The shipped manifests on a real API server: they are valid, and grant no more rights than needed. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseAllDocuments, stringify } from 'yaml';
import { systemClock } from '../../runtime/clock.ts';
import { createKube } from '../../runtime/kube/client.ts';
import { loadKubeConfig } from '../../runtime/kube/kubeconfig.ts';
import type { Kube, KubeObject } from '../../runtime/kube/port.ts';
import { ourRefusals, ourRequests } from '../cluster/audit.ts';
import { bootCluster, type Cluster } from '../cluster/boot.ts';
import { installManifests } from '../cluster/install.ts';
import { certSourceConformance } from '../unit/certs/conformance.ts';
import { managedWorld, secretIn } from '../unit/certs/managed-world.ts';

const BASE = join(import.meta.dirname, '../../manifests/base');
const POLICY = join(import.meta.dirname, '../../manifests/network-policy');
const NAMESPACE = 'stellar-peers';
const WEBHOOK_URL = 'https://127.0.0.1:1/mutate-pods';

describe('the manifests', () => {
  let cluster: Cluster;
  let rendered: string;
  let objects: KubeObject[];
  /** The API with the rights of our ServiceAccount. */
  let ours: Kube;

  const specOf = (wanted: string) =>
    (objects.find(({ kind }) => kind === wanted)?.spec ?? {}) as Record<string, unknown>;

  before(async () => {
    cluster = await bootCluster({ nodes: 1 });
    rendered = await cluster.kubectl(['kustomize', BASE]);
    objects = parseAllDocuments(rendered).map((document) => document.toJS() as KubeObject);
  });
  after(() => cluster?.stop());

  it('are accepted by an API server without any change', async () => {
    assert.equal(specOf('Deployment').replicas, 2);
    const webhook = objects.find(({ kind }) => kind === 'MutatingWebhookConfiguration')?.webhooks as Array<{
      clientConfig: object;
    }>;
    assert.deepEqual(Object.keys(webhook[0]?.clientConfig ?? {}), ['service']);
    const namespace = objects.find(({ kind }) => kind === 'Namespace');
    await cluster.kubectl(['apply', '--server-side', '-f', '-'], stringify(namespace));
    const flags = ['--dry-run=server', '--validate=strict', '-f', '-'];
    const created = await cluster.kubectl(['create', ...flags], stringify(withoutNamespace(objects)));
    const applied = await cluster.kubectl(['apply', '--server-side', ...flags], rendered);
    const lines = (text: string) => text.trim().split('\n');
    assert.equal(lines(applied).length, objects.length, applied);
    assert.equal(lines(created).length, objects.length - 1, created);
    for (const line of [...lines(created), ...lines(applied)]) assert.match(line, /\(server dry run\)$/);
  });

  it('have a NetworkPolicy that an API server also accepts', async () => {
    const policy = await cluster.kubectl(['kustomize', POLICY]);
    const flags = ['--server-side', '--dry-run=server', '--validate=strict', '-f', '-'];
    const applied = await cluster.kubectl(['apply', ...flags], policy);
    assert.match(
      applied,
      /^networkpolicy\.networking\.k8s\.io\/stellar-peers serverside-applied \(server dry run\)\n$/,
    );
    const wrong = policy.replace('policyTypes:', 'policyType:');
    await assert.rejects(cluster.kubectl(['apply', ...flags], wrong), /\.spec\.policyType/);
  });

  it('with one wrong field are refused, which shows that the check is effective', async () => {
    const wrong = rendered.replace('replicas: 2', 'replica: 2');
    assert.notEqual(wrong, rendered);
    const flags = ['--server-side', '--dry-run=server', '--validate=strict', '-f', '-'];
    await assert.rejects(cluster.kubectl(['apply', ...flags], wrong), /\.spec\.replica/);
  });

  it('make a pod that Pod Security restricted accepts', async () => {
    await installManifests(cluster, { webhookUrl: WEBHOOK_URL });
    const { template } = specOf('Deployment') as { template: KubeObject };
    const pod = (change: (spec: Record<string, unknown>) => void) => {
      const spec = structuredClone(template.spec) as Record<string, unknown>;
      change(spec);
      return stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'one', namespace: NAMESPACE },
        spec,
      });
    };
    const create = (yaml: string) => cluster.kubectl(['create', '--dry-run=server', '-f', '-'], yaml);
    assert.match(await create(pod(() => {})), /pod\/one created/);
    const privileged = pod((spec) => {
      spec.hostNetwork = true;
    });
    await assert.rejects(create(privileged), /violates PodSecurity "restricted/);
  });

  describe('allow the managed source to pass the conformance tests of sources:', () => {
    before(async () => {
      const path = await cluster.serviceAccountKubeconfig(NAMESPACE, 'stellar-peers');
      const options = { clock: systemClock, timeoutMs: 5_000, userAgent: 'stellar-peers' };
      ours = createKube(loadKubeConfig({ path }), options);
    });
    certSourceConformance('managed, on a real API server', async () => {
      const world = managedWorld(ours, NAMESPACE);
      // We may not delete the Secret ourselves, so an administrator clears up.
      return { ...world, close: () => cluster.admin.delete(secretIn(NAMESPACE), {}) };
    });
    it('no request needs more rights than we have', async () => {
      const entries = await cluster.audit();
      assert.ok(
        ourRequests(entries).some(({ resource, verb }) => resource === 'secrets' && verb === 'update'),
      );
      assert.deepEqual(ourRefusals(entries), []);
    });
  });
});

const withoutNamespace = (objects: readonly KubeObject[]) => ({
  apiVersion: 'v1',
  kind: 'List',
  items: objects.filter(({ kind }) => kind !== 'Namespace'),
});
