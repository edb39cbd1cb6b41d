/**
 * One control plane for all test files of a process that ask for it, one after the other: to boot one takes longer than
 * many a test. Each file has replicas, an operator and a witness of its own, and namespaces that no other file uses.
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

// Of the whole process, since it is asked for while files are read.
after(async () => {
  const cluster = await booted;
  if (!cluster) return;
  const refusals = ourRefusals(await cluster.audit());
  await cluster.stop();
  assert.deepEqual(refusals, [], 'no test file needs what RBAC or a policy refuses us');
});

/** A scene on the control plane of this process; `stop` takes its validators and replicas away, and leaves the rest. */
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

/** The scene of a suite: there before what the suite does next, and gone after it. */
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

/** The same with its replicas. */
export function startedScene(make: () => Promise<Scene>): Scene {
  const scene = sceneOf(make);
  before(() => scene.start());
  return scene;
}

/** No StellarNode is left, and no pod of any. */
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
