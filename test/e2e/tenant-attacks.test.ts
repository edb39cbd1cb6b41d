/** Attacks by a tenant that may only create StellarNodes: the lists of others stay correct and current. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../runtime/clock.ts';
import { createKube } from '../../runtime/kube/client.ts';
import { loadKubeConfig } from '../../runtime/kube/kubeconfig.ts';
import { ConfigMaps, StellarNodes } from '../../runtime/kube/resources.ts';
import { createScene, createValidator, type Scene } from '../cluster/scene.ts';
import { until } from '../cluster/until.ts';
import { TENANT_ATTACKS, type TenantAttack } from './attack-table.ts';

const TENANT = 'aaa-tenant';
const RIGHTS = `apiVersion: v1
kind: ServiceAccount
metadata: { name: tenant, namespace: ${TENANT} }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: tenant, namespace: ${TENANT} }
rules: [{ apiGroups: [stellar.org], resources: [stellarnodes], verbs: [create, delete, list, deletecollection] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: tenant, namespace: ${TENANT} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: tenant }
subjects: [{ kind: ServiceAccount, name: tenant, namespace: ${TENANT} }]
`;

describe('a tenant that may only create StellarNodes', () => {
  let scene: Scene;
  let joined = 0;

  before(async () => {
    scene = await createScene({ nodes: 6 });
    const { cluster } = scene;
    await cluster.createNamespace('stellar');
    await cluster.createNamespace(TENANT);
    await scene.start(2);
    for (const number of [1, 2, 3]) await createValidator(scene, `validator-${number}`);
    await until('three validators have lists of two peers', async () =>
      (await listsOfOthers()).every(({ length }) => length === 2),
    );
    // The tenant's StellarNodes get no pods.
    await scene.operate(undefined);
    await cluster.kubectl(['apply', '-f', '-'], RIGHTS);
  });
  after(() => scene.stop());

  /** The lists of `validator-1` to `-3`: the lines that name one of these three. */
  async function listsOfOthers(): Promise<string[][]> {
    const ref = { resource: ConfigMaps, namespace: 'stellar', name: 'stellar-peers' };
    const data = ((await scene.cluster.admin.get(ref))?.data ?? {}) as Record<string, string>;
    return [1, 2, 3].map((number) =>
      (data[`validator-${number}.peers.txt`] ?? '')
        .split('\n')
        .filter((line) => /^validator-[123]-0\./.test(line)),
    );
  }

  async function attack({ count, spec }: TenantAttack): Promise<void> {
    const path = await scene.cluster.serviceAccountKubeconfig(TENANT, 'tenant');
    const options = { clock: systemClock, timeoutMs: 15_000, userAgent: 'tenant' };
    const tenant = createKube(loadKubeConfig({ path }), options);
    const names = Array.from({ length: count }, (_, index) => `m${joined}-${index}`).values();
    const lane = async () => {
      for (const name of names) {
        await tenant.create(StellarNodes, {
          apiVersion: StellarNodes.apiVersion,
          kind: StellarNodes.kind,
          metadata: { name, namespace: TENANT },
          spec: { nodeType: 'Validator', version: 'v21.0.0', ...spec },
        });
      }
    };
    await Promise.all(Array.from({ length: 8 }, lane));
  }

  for (const each of TENANT_ATTACKS) {
    it(`cannot ${each.what}`, async () => {
      await attack(each);
      // A validator that joins shows that the leader still works: it gets a list, and the lists of the others stay.
      joined += 1;
      const name = `joined-${joined}`;
      await createValidator(scene, name);
      const ref = { resource: ConfigMaps, namespace: 'stellar', name: 'stellar-peers' };
      await until(`${name} has a list`, async () => {
        const data = ((await scene.cluster.admin.get(ref))?.data ?? {}) as Record<string, string>;
        return (data[`${name}.peers.txt`] ?? '').includes('validator-1-0.');
      });
      for (const list of await listsOfOthers()) assert.equal(list.length, 2);
    });
  }
});
