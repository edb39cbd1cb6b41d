/** `stellar-peers cleanup`: which objects the command would remove or leave, and when it refuses. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cleanupText, planCleanup } from '../../../cli/commands/cleanup.ts';
import { KubeError, type KubeObject } from '../../../runtime/kube/port.ts';
import {
  ConfigMaps,
  Deployments,
  MutatingWebhookConfigurations,
  Pods,
} from '../../../runtime/kube/resources.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { pod } from '../world.ts';

const OWN = 'stellar-peers';
const LABELS = { 'app.kubernetes.io/managed-by': OWN };

/** A ConfigMap whose keys are all ours, or partly those of others. */
function configMap(
  namespace: string,
  name: string,
  over: { ours?: boolean; foreign?: boolean } = {},
): KubeObject {
  const { ours = true, foreign = false } = over;
  const field = { 'f:data': { 'f:a': {} } };
  return {
    metadata: {
      ...{ namespace, name, uid: `${namespace}/${name}` },
      ...(ours ? { labels: LABELS } : {}),
      managedFields: [{ manager: OWN, operation: 'Apply', fieldsV1: field }],
    },
    data: foreign ? { a: '1', theirs: '2' } : { a: '1' },
  };
}

function cluster(...more: KubeObject[]): MemoryKube {
  const kube = new MemoryKube();
  kube.seed(ConfigMaps, [
    configMap(OWN, OWN),
    configMap(OWN, 'stellar-peers-restarts', { ours: false }),
    configMap(OWN, 'stellar-peers-external', { ours: false }),
    configMap('stellar', OWN),
    configMap('stellar-system', OWN, { ours: false }),
    configMap('shared', OWN, { foreign: true }),
    configMap('stellar', 'validator-1-config', { ours: false }),
    ...more,
  ]);
  return kube;
}

describe('cleaning up', () => {
  it('removes our ConfigMaps, and no object of others', async () => {
    const { remove, kept, installed } = await planCleanup(cluster(), OWN);
    assert.deepEqual(remove.map(({ ref }) => `${ref.namespace}/${ref.name}`).sort(), [
      'stellar-peers/stellar-peers',
      'stellar-peers/stellar-peers-restarts',
      'stellar/stellar-peers',
    ]);
    assert.deepEqual(kept, ['ConfigMap shared/stellar-peers stays: others have keys in it.']);
    assert.deepEqual(installed, []);
  });

  it('lists our objects that are still installed, or may still be installed', async () => {
    const kube = cluster();
    kube.seed(MutatingWebhookConfigurations, [{ metadata: { name: OWN, uid: 'w' } }]);
    kube.seed(Deployments, [{ metadata: { name: OWN, namespace: OWN, uid: 'd' } }]);
    const both = [
      'MutatingWebhookConfiguration stellar-peers is still there',
      `Deployment ${OWN}/${OWN} is still there`,
    ];
    const plan = await planCleanup(kube, OWN);
    assert.deepEqual(plan.installed, both);
    assert.match(cleanupText(plan), /is still there: what is removed may be written again\./);
    const blind = cluster();
    blind.intercept = (request) => {
      if (request.includes('deployments')) throw new KubeError('forbidden', { status: 403 });
    };
    assert.deepEqual((await planCleanup(blind, OWN)).installed, [
      `Deployment ${OWN}/${OWN} may still be there: you have no right to read it`,
    ]);
  });

  it('says how many pods mount the ConfigMaps that will be removed', async () => {
    const kube = cluster();
    const elsewhere = pod('c', { uid: 'c' });
    kube.seed(Pods, [
      pod('a', { uid: 'a' }),
      pod('b', { uid: 'b', injected: false, annotations: {} }),
      { ...elsewhere, metadata: { ...elsewhere.metadata, namespace: 'shared' } },
    ] as KubeObject[]);
    const plan = await planCleanup(kube, OWN);
    assert.equal(plan.mounting, 1);
    assert.match(cleanupText(plan), /\n1 running pod mounts one of them; the mount is optional/);
    assert.match(cleanupText(await planCleanup(cluster(), OWN)), /\nNo running pod mounts any of them\.\n/);
  });
});
