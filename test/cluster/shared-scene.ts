/**
 * One control plane that all test files of a process share, one after the other, because a boot takes longer than many
 * tests. Each file has its own replicas, operator, witness and namespaces.
 */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Pods } from '../../runtime/kube/resources.ts';
import { ourRefusals } from './audit.ts';
import { bootCluster, type Cluster } from './boot.ts';
import { createScene, type Scene, type SceneOptions } from './scene.ts';
import { until } from './until.ts';

const VALIDATORS = { labelSelector: 'stellar.org/node-type=Validator' };

let booted: Promise<Cluster> | undefined;

// The control plane of the process. It is global, because test files ask for it while they are loaded.
after(async () => {
  const cluster = await booted;
  if (!cluster) return;
  const refusals = ourRefusals(await cluster.audit());
  await cluster.stop();
  assert.deepEqual(refusals, [], 'no test file needs what RBAC or a policy refuses us');
});

/** A scene on the shared control plane. Its `stop` removes only its validators and replicas. */
export async function sharedScene(
  options: Omit<SceneOptions, 'cluster' | 'nodes' | 'readyDelayMs'> = {},
): Promise<Scene> {
  booted ??= bootCluster();
  const cluster = await booted;
  const scene = await createScene({ ...options, cluster });
  const { stop } = scene;
  scene.stop = async () => {
    await clear(cluster);
    await scene.replicas?.stop();
    await stop();
  };
  return scene;
}

/** Creates the scene of a suite before its tests, and stops it after them. */
export function sceneOf(make: () => Promise<Scene>): Scene {
  let scene: Scene | undefined;
  before(async () => {
    scene = await make();
  });
  after(() => scene?.stop());
  return new Proxy({} as Scene, {
    get: (_, key) => Reflect.get(scene ?? assert.fail('the scene is not there yet'), key),
  });
}

/** Creates the scene as `sceneOf` does, and also starts the replicas. */
export function startedScene(make: () => Promise<Scene>): Scene {
  const scene = sceneOf(make);
  before(() => scene.start());
  return scene;
}

/** Deletes all StellarNodes and waits until their pods are gone. */
async function clear({ admin, kubectl }: Cluster): Promise<void> {
  await kubectl(['delete', 'stellarnodes,statefulsets', '--all', '--all-namespaces', '--wait=false']);
  await until(
    'no validator is left',
    async () => {
      const { items } = await admin.list(Pods, VALIDATORS);
      for (const { metadata } of items) {
        const { name, namespace = '', deletionTimestamp } = metadata;
        if (!deletionTimestamp) await admin.delete({ resource: Pods, namespace, name }, {});
      }
      return items.length === 0;
    },
    { deadlineMs: 60_000, everyMs: 200 },
  );
}
