/** Compares the rights of our ServiceAccount with the rights that an installation uses: they must be the same. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../runtime/kube/port.ts';
import {
  ConfigMaps,
  Leases,
  MutatingWebhookConfigurations,
  Secrets,
  Services,
} from '../../runtime/kube/resources.ts';
import { ourRefusals, ourRequests } from '../cluster/audit.ts';
import { installManifests } from '../cluster/install.ts';
import { Network, stampOf } from '../cluster/network.ts';
import { excessOf, rightsIn, unusedOf } from '../cluster/rights.ts';
import { createScene } from '../cluster/scene.ts';
import { startedScene } from '../cluster/shared-scene.ts';
import { eventsIn, journalOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const TWO = ['validator-1', 'validator-2'];
const THREE = [...TWO, 'validator-3'];
const OWN = 'stellar-peers';
const NEVER = { annotations: { 'test.stellar-peers/ready': 'never' } };

describe('during the life of an installation', () => {
  const scene = startedScene(() => createScene());
  let objects: KubeObject[];
  const get = (resource: typeof ConfigMaps, namespace: string | undefined, name: string) =>
    scene.cluster.admin.get({ resource, namespace, name });

  before(async () => {
    const yaml = await installManifests(scene.cluster, { webhookUrl: scene.webhookUrl });
    objects = parseAllDocuments(yaml).map((document) => document.toJS() as KubeObject);
  });

  it('validators join: peers are published, a Service is created, a restart is in the journal and in an Event', async () => {
    const network = await new Network(scene, 'stellar').foundUpToDate(TWO);
    await network.add('validator-3');
    await network.untilTheyKnow(THREE);
    await until('the Service is there', () => get(Services, 'stellar', 'validator-1-headless'));
    await until('restarts are over', async () => {
      const entries = await journalOf(scene.cluster);
      return entries.length > 1 && entries.every(({ outcome }) => outcome === 'done');
    });
    await until('there are Events', async () => (await eventsIn(scene.cluster, 'stellar')).length > 0);
  });

  it('the pod of a validator that never becomes Ready is deleted', async () => {
    const network = new Network(scene, 'lonely', NEVER);
    await network.found(['validator-1']);
    await scene.pods.until('the pod of validator-1 exists', ({ pods }) =>
      pods.has(network.podOf('validator-1')),
    );
    await network.add('validator-2');
    const helped = stampOf('lonely', ['validator-2']);
    await scene.pods.until(
      'the pod is replaced by one that knows its peer',
      () => network.stamp('validator-1') === helped,
    );
    assert.equal(network.restarts(['validator-1'])['validator-1'], 1);
  });

  it('the webhook configuration is emptied, deleted and restored', async () => {
    const { cluster, webhookUrl } = scene;
    const caBundle = async () => {
      const configuration = await get(MutatingWebhookConfigurations, undefined, 'stellar-peers');
      const webhooks = (configuration?.webhooks ?? []) as Array<{ clientConfig: { caBundle?: string } }>;
      return webhooks[0]?.clientConfig.caBundle;
    };
    const filled = await until('caBundle is there', caBundle);
    const remove = [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }];
    const args = ['patch', 'mutatingwebhookconfiguration', 'stellar-peers', '--type=json', '-p'];
    await cluster.kubectl([...args, JSON.stringify(remove)]);
    await until('caBundle is filled again', async () => (await caBundle()) === filled);
    await cluster.kubectl(['delete', 'mutatingwebhookconfiguration', 'stellar-peers']);
    await installManifests(cluster, { webhookUrl });
    await until('caBundle of the new configuration is filled', async () => (await caBundle()) === filled);
  });

  it('Lease, journal and certificate are deleted and created again', async () => {
    const { kubectl } = scene.cluster;
    for (const [resource, kind, name] of [
      [Leases, 'lease', 'stellar-peers'],
      [Secrets, 'secret', 'stellar-peers-webhook-cert'],
    ] as const) {
      const before = (await get(resource, OWN, name))?.metadata.uid;
      await kubectl(['delete', kind, name, '-n', OWN]);
      await until(`${name} is there again`, async () => {
        const found = await get(resource, OWN, name);
        return found !== undefined && found.metadata.uid !== before;
      });
    }
  });

  it('peers outside of the cluster are read', async () => {
    await scene.cluster.kubectl(['create', 'configmap', 'stellar-peers-external', '-n', OWN]);
  });

  it('the last validator of a namespace is deleted, and then the ConfigMap of the namespace', async () => {
    const network = new Network(scene, 'lonely');
    for (const name of TWO) await network.remove(name);
    await until('the ConfigMap is gone', async () => !(await get(ConfigMaps, 'lonely', 'stellar-peers')));
  });

  it('replicas stop, and give the Lease back', async () => {
    await scene.replicas?.stop();
  });

  it('every right that is granted is used', async () => {
    const requests = ourRequests(await scene.cluster.audit()).filter(({ code }) => code !== 403);
    assert.ok(requests.length > 100);
    assert.deepEqual(unusedOf(rightsIn(objects), requests), []);
  });

  it('no request was refused by RBAC or a policy', async () => {
    const entries = await scene.cluster.audit();
    assert.deepEqual(ourRefusals(entries), []);
    assert.deepEqual(excessOf(rightsIn(objects), ourRequests(entries)), []);
  });
});
