/**
 * Attacks by a tenant that may only create StellarNodes: the lists of others stay correct and current, and the bundle, with
 * the heap that the image gives to Node, stays within the memory of the Deployment.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { greatestOf } from '../../peers/lists.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createKube } from '../../runtime/kube/client.ts';
import { loadKubeConfig } from '../../runtime/kube/kubeconfig.ts';
import { ConfigMaps, StellarNodes } from '../../runtime/kube/resources.ts';
import { createScene, createValidator, type Scene } from '../cluster/scene.ts';
import { until } from '../cluster/until.ts';
import { TENANT_ATTACKS, type TenantAttack } from './attack-table.ts';

const TENANT = 'aaa-tenant';
const ACCOUNT = `apiVersion: v1
kind: ServiceAccount
metadata: { name: tenant, namespace: ${TENANT} }
`;
const rightsIn = (namespace: string) => `---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: tenant, namespace: ${namespace} }
rules: [{ apiGroups: [stellar.org], resources: [stellarnodes], verbs: [create, delete, list, deletecollection] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: tenant, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: tenant }
subjects: [{ kind: ServiceAccount, name: tenant, namespace: ${TENANT} }]
`;
const NAMESPACES_MAX = greatestOf(TENANT_ATTACKS.map(({ namespaces = 1 }) => namespaces));
const NAMESPACES = [
  TENANT,
  ...Array.from({ length: NAMESPACES_MAX - 1 }, (_, index) => `${TENANT}-${index + 2}`),
];

/** The limit of the Deployment; Node takes half of it for its heap, as the image says. */
const MEMORY_MIB = 256;
const HEAP = ['--max-semi-space-size=4', `--max-old-space-size=${MEMORY_MIB / 2}`];
/** The time between two looks at the memory of the replicas. */
const LOOK_EVERY_MS = 20;
/** The memory of a process that counts against the limit of its container and cannot be dropped, on Linux. */
const memoryMib = (pid: number): number =>
  Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

describe('a tenant that may only create StellarNodes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-tenant-'));
  let scene: Scene;
  let joined = 0;

  before(async () => {
    const bundle = join(folder, 'stellar-peers.mjs');
    const cwd = join(import.meta.dirname, '../..');
    execFileSync(process.execPath, ['scripts/bundle.ts', bundle], { cwd, stdio: 'pipe' });
    scene = await createScene({ nodes: 3 + TENANT_ATTACKS.length, program: [...HEAP, bundle, 'run'] });
    const { cluster } = scene;
    await cluster.createNamespace('stellar');
    for (const namespace of NAMESPACES) await cluster.createNamespace(namespace);
    await scene.start(2);
    for (const number of [1, 2, 3]) await createValidator(scene, `validator-${number}`);
    await until('three validators have lists of two peers', async () =>
      (await listsOfOthers()).every(({ length }) => length === 2),
    );
    // The tenant's StellarNodes get no pods.
    await scene.operate(undefined);
    await cluster.kubectl(['apply', '-f', '-'], [ACCOUNT, ...NAMESPACES.map(rightsIn)].join(''));
  });
  after(async () => {
    await scene.stop();
    rmSync(folder, { recursive: true });
  });

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

  async function attack({ count, namespaces = 1, spec }: TenantAttack): Promise<void> {
    const path = await scene.cluster.serviceAccountKubeconfig(TENANT, 'tenant');
    const options = { clock: systemClock, timeoutMs: 15_000, userAgent: 'tenant' };
    const tenant = createKube(loadKubeConfig({ path }), options);
    const indices = Array.from({ length: count * namespaces }, (_, index) => index).values();
    const lane = async () => {
      for (const index of indices) {
        await tenant.create(StellarNodes, {
          apiVersion: StellarNodes.apiVersion,
          kind: StellarNodes.kind,
          metadata: { name: `m${joined}-${index}`, namespace: NAMESPACES[index % namespaces] ?? '' },
          spec: { nodeType: 'Validator', version: 'v21.0.0', ...spec },
        });
      }
    };
    await Promise.all(Array.from({ length: 8 }, lane));
  }

  for (const each of TENANT_ATTACKS) {
    it(`cannot ${each.what}`, async (context) => {
      let mostMib = 0;
      const looks = setInterval(() => {
        const pids = (scene.replicas?.replicas ?? []).map(({ pid }) => pid);
        mostMib = greatestOf([mostMib, ...pids.map(memoryMib)]);
      }, LOOK_EVERY_MS);
      context.after(() => clearInterval(looks));
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
      for (const { exit } of scene.replicas?.replicas ?? []) assert.equal(exit(), undefined);
      context.diagnostic(`a replica had ${Math.round(mostMib)} MiB at most`);
      assert.ok(mostMib > 0 && mostMib < MEMORY_MIB, `${Math.round(mostMib)} MiB`);
    });
  }
});
