import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigMaps, Namespaces, Pods, StatefulSets } from '../../runtime/kube/resources.ts';
import { SimServer } from './api-server.ts';
import { setBody } from './conformance-sets.ts';
import { Kubelet } from './kubelet.ts';
import { Process } from './process.ts';
import { Random } from './random.ts';
import { StatefulSetController } from './statefulset-controller.ts';
import { SimTime } from './time.ts';

const SPACE = 'here';
const HOUR_MS = 3_600_000;

/** An hour of pods that come, turn Ready late and are replaced, and of a client that writes and watches. */
async function history(seed: number): Promise<string[]> {
  const time = new SimTime(Date.UTC(2026, 10, 23, 12));
  const random = new Random(seed);
  const server = new SimServer({ time, random });
  const edges = { server, time, reactMs: () => random.int(1, 500) };
  new StatefulSetController(edges);
  new Kubelet({
    ...edges,
    scheduleMs: () => random.int(1, 500),
    startMs: () => random.int(1, 500),
    readyMs: () => random.int(1, 60_000),
    terminateMs: () => random.int(1, 5_000),
  });
  const log: string[] = [];
  server.store.onChange(({ version, resource, next, former, by }) => {
    const { name, uid } = (next ?? former)?.metadata ?? assert.fail();
    log.push(`${time.nowMs()} ${version} ${by} ${resource.kind} ${name} ${uid} ${next ? 'is' : 'was'}`);
  });
  await server.admin.apply(
    { resource: Namespaces, name: SPACE },
    { metadata: { name: SPACE } },
    { manager: 'x' },
  );
  await server.admin.create(StatefulSets, setBody(SPACE, 'web', { replicas: 3 }));
  const kube = server.client(new Process('replica'), {
    latencyMs: () => random.int(1, 50),
    before: () => undefined,
    after: (request) => (request.startsWith('apply') && random.chance(0.1) ? 'lost' : undefined),
    watchDelayMs: () => random.int(1, 200),
  });
  const seen = (what: string) =>
    void kube
      .apply(
        { resource: ConfigMaps, namespace: SPACE, name: 'seen' },
        { metadata: { name: 'seen', namespace: SPACE }, data: { what } },
        { manager: 'replica' },
      )
      .catch(() => undefined);
  const query = { namespace: SPACE, resourceVersion: '1' };
  void kube.watch(
    Pods,
    query,
    ({ type, object }) => seen(`${type} ${object.metadata.uid}`),
    new AbortController().signal,
  );
  const bump = () => {
    const value = { x: `${random.next()}` };
    const ref = { resource: StatefulSets, namespace: SPACE, name: 'web' };
    void server.admin.patch(ref, [{ op: 'add', path: '/spec/template/metadata/annotations', value }]);
    time.schedule(random.int(1, 400_000), bump);
  };
  bump();
  await time.run(HOUR_MS);
  return log;
}

describe('a simulated history', () => {
  it('is the same to the last change for the same seed, and another for another seed', async () => {
    const first = await history(1);
    assert.ok(first.length > 300, `${first.length} changes`);
    assert.deepEqual(await history(1), first);
    assert.notDeepEqual(await history(2), first);
  });
});
