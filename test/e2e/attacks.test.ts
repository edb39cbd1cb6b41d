/** Attacks with our ServiceAccount's token: the API server refuses each of them, and allows our own writes. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { KubeObject } from '../../runtime/kube/port.ts';
import {
  ConfigMaps,
  MutatingWebhookConfigurations,
  Pods,
  Services,
  StatefulSets,
} from '../../runtime/kube/resources.ts';
import { type Call, callerOf } from '../cluster/caller.ts';
import { installManifests } from '../cluster/install.ts';
import { createPki } from '../cluster/pki.ts';
import { createScene, createValidator, podNow, type Scene } from '../cluster/scene.ts';
import { sceneOf } from '../cluster/shared-scene.ts';
import { until } from '../cluster/until.ts';
import { ATTACKS, type Attack, event, fenceBy, paths, service } from './attack-table.ts';

const NEVER = { 'test.stellar-peers/ready': 'never' };
const WEBHOOK = { resource: MutatingWebhookConfigurations, name: 'stellar-peers' };
const SET = { resource: StatefulSets, namespace: 'stellar', name: 'validator-1' };

/** A StatefulSet whose pod never becomes Ready, and a pod with our label and no controller. */
async function foreigners({ cluster }: Scene): Promise<void> {
  const containers = [{ name: 'one', image: 'one' }];
  const labels = { app: 'database' };
  await cluster.admin.create(StatefulSets, {
    metadata: { name: 'database', namespace: 'stellar' },
    spec: {
      serviceName: 'database',
      selector: { matchLabels: labels },
      template: { metadata: { labels, annotations: NEVER }, spec: { containers } },
    },
  });
  await cluster.admin.create(Pods, {
    metadata: {
      name: 'bare',
      namespace: 'stellar',
      labels: { 'stellar.org/node-type': 'Validator' },
      annotations: NEVER,
    },
    spec: { containers },
  });
}

const MAP = { name: 'stellar-peers', namespace: 'stellar' };
/** As many as the API server keeps apart, where they write by updates. */
const TEN = Array.from({ length: 10 }, (_, index) => `manager-${index}`);

/** As many files as a ConfigMap of a large namespace has. */
const files = (text: string): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: 3_000 }, (_, index) =>
      ['peers.txt', 'peers.toml', 'view.json'].map((end) => [`validator-${index}.${end}`, text]),
    ).flat(),
  );

describe('with the token of our ServiceAccount', () => {
  const scene = sceneOf(() => createScene({ nodes: 4 }));
  let send: ReturnType<typeof callerOf>;
  let untouched: string;

  /** All objects that the attacks aim at, without the fields that change by themselves. */
  async function world(): Promise<string> {
    const { admin } = scene.cluster;
    const sets = (await admin.list(StatefulSets)).items.map(({ metadata, spec }) => [
      metadata.name,
      metadata.labels,
      spec,
    ]);
    const pods = (await admin.list(Pods, { namespace: 'stellar' })).items
      .map(({ metadata }) => metadata.uid)
      .sort();
    const services = (await admin.list(Services)).items.map(({ metadata }) => metadata.name);
    const webhooks = (await admin.get(WEBHOOK))?.webhooks;
    const map = await admin.get({ resource: ConfigMaps, ...MAP });
    const { finalizers } = { ...map?.metadata } as { finalizers?: string[] };
    const theirs = [finalizers, map?.immutable, map?.data, map?.binaryData];
    return JSON.stringify([sets, pods, services, webhooks, theirs], undefined, 1);
  }

  const dry = (call: Call): Call => ({
    ...call,
    path: `${call.path}${call.path.includes('?') ? '&' : '?'}dryRun=All`,
  });

  const firstOfEachPolicy = (): Attack[] => {
    const byPolicy = new Map<string, Attack>();
    for (const attack of Object.values(ATTACKS).flat()) {
      if (attack.policy !== undefined && !byPolicy.has(attack.policy)) byPolicy.set(attack.policy, attack);
    }
    return [...byPolicy.values()];
  };

  before(async () => {
    const { cluster } = scene;
    await installManifests(cluster, { webhookUrl: scene.webhookUrl });
    send = callerOf(await cluster.serviceAccountKubeconfig('stellar-peers', 'stellar-peers'));
    await cluster.createNamespace('stellar');
    await createValidator(scene, 'validator-1');
    await createValidator(scene, 'validator-2', { annotations: NEVER });
    await foreigners(scene);
    const theirs = { data: { theirs: 'x' }, binaryData: { bytes: 'AAAA' } };
    await cluster.admin.apply(
      { resource: ConfigMaps, ...MAP },
      { metadata: MAP, ...theirs },
      { manager: 'gitops' },
    );
    const runs = async (name: string) =>
      ((await podNow(scene, name))?.status as { phase?: string } | undefined)?.phase === 'Running';
    for (const name of ['validator-2-0', 'database-0', 'bare']) await until(`${name} runs`, () => runs(name));
    for (const manager of TEN) {
      const ref = { resource: StatefulSets, namespace: 'stellar', name: 'validator-2' };
      const metadata = { name: 'validator-2', namespace: 'stellar', annotations: { manager: 'any' } };
      await cluster.admin.apply(ref, { metadata }, { manager });
    }
    await until('validator-1-0 is Ready', () => scene.pods.isReady('stellar/validator-1-0'));
    // A new policy takes effect after a moment.
    for (const attack of firstOfEachPolicy()) {
      await until(`${attack.policy} is in force`, async () => {
        const { status, message } = await send(dry(attack));
        if (!message.includes(`'${attack.policy}'`)) throw new Error(`${status} ${message}`);
        return true;
      });
    }
    untouched = await world();
  });

  for (const [aim, attacks] of Object.entries(ATTACKS)) {
    describe(`attacks on ${aim}`, () => {
      for (const attack of attacks) {
        it(`cannot ${attack.what} (refused by ${attack.policy ?? 'RBAC'})`, async () => {
          const { status, message } = await send(attack);
          assert.equal(status, 403, message);
          if (attack.policy === undefined) assert.match(message, /cannot [\w:-]+ resource/);
          else
            assert.match(
              message,
              new RegExp(`ValidatingAdmissionPolicy '${attack.policy}'.*stellar-peers may`),
            );
        });
      }
    });
  }

  it('no object has changed after all attacks', async () => {
    assert.equal(await world(), untouched);
  });

  describe('our ServiceAccount can still', () => {
    const allowed = async (call: Call) => {
      const { status, message } = await send(call);
      assert.ok(status >= 200 && status < 300, `${status} ${message}`);
    };
    const patch = (path: string, ...body: object[]): Call => ({ method: 'PATCH', path, body });
    const template = async () => {
      const { spec } = (await scene.cluster.admin.get(SET)) as KubeObject & {
        spec: { template: KubeObject };
      };
      return spec.template.metadata.annotations;
    };
    const ANNOTATIONS = '/spec/template/metadata/annotations';
    const RESTART = `${ANNOTATIONS}/stellar.org~1peer-restart`;

    it('restart a validator by one annotation of its template, twice, and take the restart back', async () => {
      const path = paths.statefulSet('validator-1');
      await allowed(
        patch(path, { op: 'add', path: ANNOTATIONS, value: { 'stellar.org/peer-restart': 'a' } }),
      );
      assert.deepEqual(await template(), { 'stellar.org/peer-restart': 'a' });
      await allowed(patch(path, { op: 'add', path: RESTART, value: 'b' }));
      await allowed(patch(path, { op: 'remove', path: RESTART }));
      assert.equal((await template())?.['stellar.org/peer-restart'], undefined);
    });

    it('fence a restart by one annotation of the StatefulSet, twice', async () => {
      for (const token of ['a', 'b']) {
        await allowed(fenceBy('stellar-peers-fence', token));
        const set = await scene.cluster.admin.get(SET);
        assert.equal(set?.metadata.annotations?.['stellar.org/peer-fence'], token);
      }
    });

    it('delete the pod of a validator that is not Ready', async () => {
      const uid = (await podNow(scene, 'validator-2-0'))?.metadata.uid;
      await allowed({ method: 'DELETE', path: paths.pod('validator-2-0'), body: { preconditions: { uid } } });
      await until('another pod takes its place', async () => {
        const pod = await podNow(scene, 'validator-2-0');
        return pod !== undefined && pod.metadata.uid !== uid;
      });
    });

    it('fill caBundle', async () => {
      const value = Buffer.from(createPki().caPem).toString('base64');
      const path = '/webhooks/0/clientConfig/caBundle';
      await allowed(patch(paths.webhook, { op: 'add', path, value }));
      const configuration = await scene.cluster.admin.get(WEBHOOK);
      const webhooks = (configuration?.webhooks ?? []) as Array<{ clientConfig: object }>;
      assert.deepEqual(webhooks[0]?.clientConfig, { caBundle: value, url: scene.webhookUrl });
    });

    it('create the headless Service of a StellarNode', async () => {
      const body = service('validator-1-headless', { ipFamilyPolicy: 'PreferDualStack' });
      await allowed({ method: 'POST', path: paths.services, body });
    });

    const applyMap = (manager: string, metadata: object, data?: object): Call => ({
      method: 'PATCH',
      path: `/api/v1/namespaces/stellar/configmaps/stellar-peers?fieldManager=${manager}&force=true`,
      type: 'apply-patch+yaml',
      body: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { ...MAP, ...metadata },
        ...(data ? { data } : {}),
      },
    });
    const mapNow = () => scene.cluster.admin.get({ resource: ConfigMaps, ...MAP });

    it('publish 9,000 files beside keys of others, and take the files back from a person who edited them', async () => {
      await allowed(applyMap('stellar-peers', {}, files('one')));
      const restored = { metadata: MAP, data: files('restored') };
      const by = { manager: 'restored', force: true, large: true };
      await scene.cluster.admin.apply({ resource: ConfigMaps, ...MAP }, restored, by);
      await allowed(applyMap('stellar-peers', {}, files('one')));
      const edited = ['patch', 'configmap', 'stellar-peers', '-n', 'stellar', '--type=merge', '-p'];
      await scene.cluster.kubectl([
        ...edited,
        JSON.stringify({ data: { 'validator-0.peers.txt': 'edited' } }),
      ]);
      await allowed(applyMap('stellar-peers', {}, files('two')));
      assert.deepEqual((await mapNow())?.data, { theirs: 'x', ...files('two') });
      await allowed(applyMap('stellar-peers', {}));
      assert.deepEqual((await mapNow())?.data, { theirs: 'x' });
    });

    it('restore a pause of any value', async () => {
      const annotations = { 'stellar.org/peer-rollout': 'x'.repeat(60_000) };
      await allowed(applyMap('stellar-peers-pause', { annotations }));
      assert.deepEqual((await mapNow())?.metadata.annotations, annotations);
    });

    it('pause by the command in our own pod', async () => {
      const path = '/api/v1/namespaces/stellar/configmaps/stellar-peers';
      const value = { 'stellar.org/peer-rollout': 'paused' };
      const body = { op: 'add', path: '/metadata/annotations', value };
      await allowed({ ...patch(path, body), headers: { 'user-agent': 'stellar-peers-cli' } });
      assert.deepEqual((await mapNow())?.metadata.annotations, value);
    });

    it('delete a ConfigMap that contains only our own keys, immutable or not', async () => {
      const { admin } = scene.cluster;
      await admin.delete({ resource: ConfigMaps, ...MAP }, {});
      await admin.create(ConfigMaps, { metadata: MAP, immutable: true, data: { 'a.peers.txt': '' } });
      await allowed({ method: 'DELETE', path: '/api/v1/namespaces/stellar/configmaps/stellar-peers' });
    });

    it('fence a StatefulSet that has a long value of another manager in the annotation, and remove the value', async () => {
      const { admin } = scene.cluster;
      const ref = { resource: StatefulSets, namespace: 'stellar', name: 'validator-2' };
      const path = paths.statefulSet('validator-2');
      const long = { 'stellar.org/peer-restart': 'x'.repeat(5_000) };
      await admin.patch(ref, [
        { op: 'add', path: ANNOTATIONS, value: long },
        { op: 'add', path: '/metadata/annotations', value: { 'stellar.org/peer-fence': 'y'.repeat(5_000) } },
      ]);
      await allowed(
        patch(path, { op: 'add', path: '/metadata/annotations/stellar.org~1peer-fence', value: 'a' }),
      );
      await allowed(patch(path, { op: 'remove', path: RESTART }));
      const now = (await admin.get(ref)) as KubeObject & { spec: { template: KubeObject } };
      assert.deepEqual(now.metadata.annotations, { 'stellar.org/peer-fence': 'a' });
      assert.deepEqual(now.spec.template.metadata.annotations ?? {}, {});
    });

    it('take over our annotation from a manager that owns no other field', async () => {
      const { admin, kubectl } = scene.cluster;
      const ref = { resource: StatefulSets, namespace: 'stellar', name: 'validator-2' };
      await admin.patch(ref, [{ op: 'add', path: ANNOTATIONS, value: { other: '' } }]);
      const managed = { 'stellar.org/peer-restart': 'theirs' };
      const theirs = JSON.stringify({ spec: { template: { metadata: { annotations: managed } } } });
      const edit = ['patch', 'statefulset', 'validator-2', '-n', 'stellar', '--field-manager=edited'];
      await kubectl([...edit, '--type=merge', '-p', theirs]);
      const managers = async () =>
        (await admin.get(ref))?.metadata.managedFields?.map((each) => each.manager);
      assert.ok((await managers())?.includes('edited'));
      await allowed(patch(paths.statefulSet('validator-2'), { op: 'replace', path: RESTART, value: 'ours' }));
      assert.ok(!(await managers())?.includes('edited'));
    });

    it('restart a validator that ten managers have updated, though the API server then merges the entries of some', async () => {
      const { admin, kubectl } = scene.cluster;
      const edit = ['patch', 'statefulset', 'validator-1', '-n', 'stellar', '--type=merge'];
      for (const manager of TEN) {
        const theirs = JSON.stringify({ metadata: { annotations: { [manager]: 'any' } } });
        await kubectl([...edit, `--field-manager=${manager}`, '-p', theirs]);
      }
      const path = paths.statefulSet('validator-1');
      const value = { 'stellar.org/peer-restart': 'c' };
      await allowed(patch(path, { op: 'add', path: ANNOTATIONS, value }));
      const managers = (await admin.get(SET))?.metadata.managedFields?.map((each) => each.manager);
      assert.ok(managers?.includes('ancient-changes'), String(managers));
    });

    it('restart a validator to which 300 managers have applied', async () => {
      for (let index = 0; index < 300; index += 1) {
        const metadata = {
          name: SET.name,
          namespace: SET.namespace,
          annotations: { [`of-${index}`]: 'any' },
        };
        await scene.cluster.admin.apply(SET, { metadata }, { manager: `applier-${index}` });
      }
      const value = { 'stellar.org/peer-restart': 'd' };
      await allowed(patch(paths.statefulSet('validator-1'), { op: 'add', path: ANNOTATIONS, value }));
    });

    it('write an Event on a StellarNode', async () => {
      await allowed({ method: 'POST', path: paths.events('stellar'), body: event({}) });
    });

    it('create our Secret', async () => {
      await allowed({
        method: 'PATCH',
        path: `${paths.secret}?fieldManager=stellar-peers`,
        type: 'apply-patch+yaml',
        body: {
          apiVersion: 'v1',
          kind: 'Secret',
          type: 'Opaque',
          metadata: { name: 'stellar-peers-webhook-cert', namespace: 'stellar-peers' },
        },
      });
    });
  });

  it('another ServiceAccount is not bound by these policies', async () => {
    const { cluster } = scene;
    await cluster.kubectl([
      'create',
      'clusterrolebinding',
      'other',
      '--clusterrole=cluster-admin',
      '--serviceaccount=stellar:default',
    ]);
    const other = callerOf(await cluster.serviceAccountKubeconfig('stellar', 'default'));
    for (const attack of firstOfEachPolicy()) {
      await until(`others may ${attack.what}`, async () => {
        const { status, message } = await other(dry(attack));
        assert.doesNotMatch(message, /ValidatingAdmissionPolicy/);
        return status !== 403;
      });
    }
  });
});
