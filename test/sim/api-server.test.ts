import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeError, type KubeObject, type WatchEvent } from '../../runtime/kube/port.ts';
import { ConfigMaps, Namespaces } from '../../runtime/kube/resources.ts';
import { type Faults, SimServer } from './api-server.ts';
import { Process } from './process.ts';
import { Random } from './random.ts';
import { SimTime } from './time.ts';

const SPACE = 'here';
const body = (name: string, value = '1'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: SPACE },
  data: { value },
});
const refOf = (name: string) => ({ resource: ConfigMaps, namespace: SPACE, name });
const NO_FAULTS: Faults = {
  latencyMs: () => 10,
  before: () => undefined,
  after: () => undefined,
  watchDelayMs: () => 5,
  timeoutMs: 1_000,
};

async function stage(faults: Partial<Faults> = {}) {
  const time = new SimTime(Date.UTC(2026, 10, 23, 12));
  const random = new Random(1);
  const server = new SimServer({ time, random });
  await server.admin.apply(
    { resource: Namespaces, name: SPACE },
    { metadata: { name: SPACE } },
    { manager: 'x' },
  );
  const process = new Process('replica');
  const kube = server.client(process, { ...NO_FAULTS, ...faults });
  const told: string[] = [];
  const note = (what: string) => (outcome: unknown) => {
    const seen = outcome instanceof KubeError ? ` ${outcome.status}` : '';
    told.push(`${what}${seen}@${time.monotonicMs()}`);
  };
  const follow = (what: string, request: Promise<unknown>) =>
    void request.then(note(what), note(`${what} failed`));
  return { time, random, server, process, kube, told, follow };
}

const write = (value: string) => [{ op: 'replace', path: '/data/value', value }] as const;

describe('a request to the simulated API server', () => {
  it('is not carried out if a fault refuses it', async () => {
    const seen: string[] = [];
    const before = (request: string) => {
      seen.push(request);
      return new KubeError('too many requests', { status: 429 });
    };
    const { time, kube, server, told, follow } = await stage({ before });
    follow('create', kube.create(ConfigMaps, body('a')));
    await time.run(100);
    assert.deepEqual(told, ['create failed 429@20']);
    assert.deepEqual(seen, ['create /api/v1/namespaces/here/configmaps/a']);
    assert.equal(server.store.get(refOf('a')), undefined);
  });

  it('is carried out if only its answer is lost; the client sees status 0 after its timeout', async () => {
    const { time, kube, server, told, follow } = await stage({ after: () => 'lost' });
    follow('create', kube.create(ConfigMaps, body('a')));
    await time.run(5_000);
    assert.deepEqual(told, ['create failed 0@1000']);
    assert.ok(server.store.get(refOf('a')));
  });

  it('is carried out after its sender has given up, if it takes longer than the timeout', async () => {
    const { time, kube, server, told, follow } = await stage({ latencyMs: () => 1_500 });
    follow('create', kube.create(ConfigMaps, body('a')));
    await time.run(1_400);
    assert.deepEqual(told, ['create failed 0@1000']);
    assert.equal(server.store.get(refOf('a')), undefined);
    await time.run(5_000);
    assert.ok(server.store.get(refOf('a')));
    assert.equal(told.length, 1);
  });

  it('is carried out although its sender is frozen or killed; a frozen sender reads the answer later, a killed one never', async () => {
    const { time, kube, server, process, told, follow } = await stage();
    follow('frozen', kube.create(ConfigMaps, body('a')));
    process.freeze();
    await time.run(5_000);
    assert.deepEqual(told, []);
    process.thaw();
    await time.run(5_001);
    assert.deepEqual(told, ['frozen@5000']);
    follow('killed', kube.create(ConfigMaps, body('b')));
    process.kill();
    await time.run(10_000);
    assert.ok(server.store.get(refOf('b')));
    assert.equal(told.length, 1);
  });
});

describe('a watch of the simulated API server', () => {
  it('keeps the order of its events, whatever their delays', async () => {
    const random = new Random(3);
    const { time, kube, server } = await stage({ watchDelayMs: () => random.int(0, 300) });
    const { resourceVersion } = await server.admin
      .create(ConfigMaps, body('a'))
      .then(({ metadata }) => metadata);
    const events: WatchEvent[] = [];
    const stop = new AbortController();
    const query = { namespace: SPACE, resourceVersion: resourceVersion ?? '' };
    const ended = kube.watch(ConfigMaps, query, (event) => events.push(event), stop.signal);
    for (let turn = 0; turn < 50; turn += 1) {
      time.schedule(turn * 20, () => void server.admin.patch(refOf('a'), write(`${turn}x`)));
    }
    await time.run(5_000);
    stop.abort();
    await ended;
    const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
    assert.equal(versions.length, 50);
    assert.deepEqual(
      versions,
      versions.toSorted((a, b) => a - b),
    );
  });
});
