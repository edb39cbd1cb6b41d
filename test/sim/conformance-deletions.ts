/** Conformance of what follows a deletion: dependents, orphans, finalizers, and everything in a namespace. */
import assert from 'node:assert/strict';
import { hasStatus, type KubeObject } from '../../runtime/kube/port.ts';
import {
  ConfigMaps,
  Namespaces,
  PodDisruptionBudgets,
  Pods,
  type Resource,
  StatefulSets,
  StellarNodes,
} from '../../runtime/kube/resources.ts';
import { setBody } from './conformance-sets.ts';
import { type Check, type Conformant, check } from './conformant.ts';

const NAME = 'validator-1';
const FINALIZER = 'conformance.stellar-peers/finalizer';

const nodeBody = (namespace: string): KubeObject => ({
  apiVersion: StellarNodes.apiVersion,
  kind: StellarNodes.kind,
  metadata: { name: NAME, namespace },
  spec: { nodeType: 'Validator', network: 'testnet', version: 'v21.0.0', replicas: 1 },
});

const ownedBy = (object: KubeObject, { metadata }: KubeObject): KubeObject => {
  const { apiVersion, kind } = StellarNodes;
  const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true };
  return { ...object, metadata: { ...object.metadata, ownerReferences: [owner] } };
};

const isThere = ({ kube }: Conformant, namespace: string, resource: Resource, name = NAME) =>
  kube.get({ resource, namespace, name }).then((object) => object !== undefined);

/** A StellarNode with what its operator makes of it, all running. */
async function operated(cluster: Conformant): Promise<string> {
  const { kube, namespace, until } = cluster;
  const space = await namespace();
  const node = await kube.create(StellarNodes, nodeBody(space));
  await kube.create(StatefulSets, ownedBy(setBody(space, NAME), node));
  const { apiVersion, kind } = PodDisruptionBudgets;
  const selector = { matchLabels: { app: NAME } };
  const pdb = {
    apiVersion,
    kind,
    metadata: { name: NAME, namespace: space },
    spec: { minAvailable: 1, selector },
  };
  await kube.create(PodDisruptionBudgets, ownedBy(pdb, node));
  await until('its pod is there', () => isThere(cluster, space, Pods, `${NAME}-0`));
  return space;
}

export const DELETION_CHECKS: readonly Check[] = [
  check(
    'a StatefulSet adopts an older pod without owner that has the right name and labels',
    async (cluster) => {
      const namespace = await cluster.namespace();
      const body = setBody(namespace, 'web', { updateStrategy: { type: 'OnDelete' } });
      const { metadata, spec } = (body.spec as { template: Pick<KubeObject, 'metadata' | 'spec'> }).template;
      const pod = { metadata: { ...metadata, name: 'web-0', namespace }, spec };
      const { uid } = (await cluster.kube.create(Pods, pod)).metadata;
      const set = await cluster.kube.create(StatefulSets, body);
      const found = await cluster.until('it is adopted', async () => {
        const live = await cluster.kube.get({ resource: Pods, namespace, name: 'web-0' });
        return live?.metadata.ownerReferences?.[0] && live;
      });
      assert.deepEqual(
        [found.metadata.uid, found.metadata.ownerReferences?.[0]?.uid],
        [uid, set.metadata.uid],
      );
    },
  ),
  check('when a StellarNode is deleted, what it owns follows, and then what that owns', async (cluster) => {
    const space = await operated(cluster);
    await cluster.kube.delete({ resource: StellarNodes, namespace: space, name: NAME }, {});
    for (const resource of [StatefulSets, PodDisruptionBudgets]) {
      await cluster.until(`${resource.kind} is gone`, async () => !(await isThere(cluster, space, resource)));
    }
    await cluster.until('its pod is gone', async () => !(await isThere(cluster, space, Pods, `${NAME}-0`)));
  }),
  check('with a finalizer, an object is only marked until the finalizer is taken away', async (cluster) => {
    const { kube, namespace } = cluster;
    const space = await namespace();
    const ref = { resource: StellarNodes, namespace: space, name: NAME };
    const operator = { manager: 'operator', force: true };
    const node = await kube.create(StellarNodes, nodeBody(space));
    const { uid = '' } = node.metadata;
    const metadata = { name: NAME, namespace: space, uid };
    await kube.apply(ref, { metadata: { ...metadata, finalizers: [FINALIZER] } } as KubeObject, operator);
    await kube.delete(ref, {});
    const marked = (await kube.get(ref)) ?? assert.fail('it is gone already');
    assert.ok(marked.metadata.deletionTimestamp);
    assert.equal(marked.metadata.generation, 2, 'the wish to delete it counts as a change of the spec');
    await kube.apply(ref, { metadata }, operator);
    assert.equal(await kube.get(ref), undefined);
  }),
  check('a namespace that is deleted takes nothing new, and goes when it is empty', async (cluster) => {
    const { kube, until } = cluster;
    const space = await operated(cluster);
    const ref = { resource: Namespaces, name: space };
    await kube.delete(ref, {});
    const late = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late', namespace: space } };
    await until('nothing new is taken', async () => {
      const refused = await kube.create(ConfigMaps, late).then(
        () => false,
        (error: unknown) => hasStatus(error, 403) || hasStatus(error, 404),
      );
      if (!refused) await kube.delete({ resource: ConfigMaps, namespace: space, name: 'late' }, {});
      return refused;
    });
    await until('it is gone', async () => (await kube.get(ref)) === undefined);
    assert.equal(await isThere(cluster, space, StellarNodes), false);
  }),
];
