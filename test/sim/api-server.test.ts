import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeError, type KubeObject, type WatchEvent } from '../../runtime/kube/port.ts';
import { Reflector } from '../../runtime/kube/reflector.ts';
import { ConfigMaps, Namespaces } from '../../runtime/kube/resources.ts';
import { Notifier } from '../../runtime/notifier.ts';
import { CapturedLog } from '../unit/stand-ins/captured-log.ts';
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
  it('travels there and back', async () => {
    const { time, kube, server, told, follow } = await stage();
    follow('create', kube.create(ConfigMaps, body('a')));
    await time.run(9);
    assert.equal(server.store.get(refOf('a')), undefined);
    await time.run(10);
    assert.ok(server.store.get(refOf('a')));
    await time.run(100);
    assert.deepEqual(told, ['create@20']);
  });

  it('that is refused on the way is not carried out', async () => {
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

  it('whose answer is lost is carried out, and fails without status after the timeout', async () => {
    const { time, kube, server, told, follow } = await stage({ after: () => 'lost' });
    follow('create', kube.create(ConfigMaps, body('a')));
    await time.run(5_000);
    assert.deepEqual(told, ['create failed 0@1000']);
    assert.ok(server.store.get(refOf('a')));
  });

  it('that is slower than the timeout is carried out after its sender gave up', async () => {
    const { time, kube, server, told, follow } = await stage({ latencyMs: () => 1_500 });
    follow('create', kube.create(ConfigMaps, body('a')));
    await time.run(1_400);
    assert.deepEqual(told, ['create failed 0@1000']);
    assert.equal(server.store.get(refOf('a')), undefined);
    await time.run(5_000);
    assert.ok(server.store.get(refOf('a')));
    assert.equal(told.length, 1);
  });

  it('is carried out though its sender is frozen or killed; the answer waits, or is never read', async () => {
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

  it('is known by its author', async () => {
    const { time, kube, server, follow } = await stage();
    const authors: string[] = [];
    server.store.onChange(({ by, next }) => authors.push(`${by} ${next?.metadata.name}`));
    follow('create', kube.create(ConfigMaps, body('a')));
    await server.actor('operator').create(ConfigMaps, body('b'));
    await time.run(100);
    assert.deepEqual(authors, ['operator b', 'replica a']);
  });

  it('gets objects that cannot be changed', async () => {
    const { server } = await stage();
    const object = await server.admin.create(ConfigMaps, body('a'));
    assert.throws(() => Object.assign(object.data as object, { value: '2' }), TypeError);
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

  it('is told about every minute how far it has come', async () => {
    const { time, kube, server } = await stage();
    const events: WatchEvent[] = [];
    const stop = new AbortController();
    void kube.watch(Namespaces, { resourceVersion: '2' }, (event) => events.push(event), stop.signal);
    await server.admin.create(ConfigMaps, body('a'));
    await time.run(61_000);
    assert.deepEqual(
      events.map(({ type, object }) => `${type} ${object.metadata.resourceVersion}`),
      [`BOOKMARK ${server.store.version}`],
    );
  });

  it('that is aborted before it is answered resolves at once', async () => {
    const { time, kube, told, follow } = await stage({ latencyMs: () => 500 });
    const stop = new AbortController();
    follow(
      'watch',
      kube.watch(ConfigMaps, { resourceVersion: '1' }, () => {}, stop.signal),
    );
    time.schedule(100, () => stop.abort());
    await time.run(2_000);
    assert.deepEqual(told, ['watch@100']);
  });
});

describe('our own reflector over it', () => {
  async function reflected() {
    const set = await stage();
    const { time, kube, process, random } = set;
    const store = new Map<string, unknown>();
    const reflector = new Reflector({
      kube,
      outage: new Notifier(),
      clock: time.clock(process, random),
      log: new CapturedLog(),
      resource: ConfigMaps,
      query: { namespace: SPACE },
      keyOf: ({ metadata }) => metadata.name,
      project: ({ data }) => (data as { value: string }).value,
      store,
      onChange: () => {},
    });
    void reflector.run(new AbortController().signal);
    await set.server.admin.create(ConfigMaps, body('a'));
    await set.server.admin.create(ConfigMaps, body('b'));
    await time.run(5_000);
    assert.deepEqual(
      [...store],
      [
        ['a', '1'],
        ['b', '1'],
      ],
    );
    const follows = () =>
      time.runUntil(() => store.get('a') === '2' && !store.has('b'), time.monotonicMs() + 60_000);
    const change = async () => {
      await set.server.admin.patch(refOf('a'), write('2'));
      await set.server.admin.delete(refOf('b'), {});
    };
    return { ...set, follows, change };
  }

  it('follows changes', async () => {
    const { change, follows } = await reflected();
    await change();
    assert.ok(await follows());
  });

  it('follows again when its watch was cut, and what was on its way was lost', async () => {
    const { server, change, follows } = await reflected();
    await change();
    server.cutWatches(undefined, new KubeError('connection reset', { status: 0 }));
    assert.ok(await follows());
  });

  it('lists again when what it missed is forgotten', async () => {
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const { server, process, change, follows } = await reflected();
      server.cutWatches(process);
      await change();
      server.compact();
      assert.ok(await follows());
    }
  });

  it('goes on after the process was frozen for long', async () => {
    const { time, process, change, follows } = await reflected();
    process.freeze();
    await change();
    await time.run(time.monotonicMs() + 3_600_000);
    process.thaw();
    assert.ok(await follows());
  });
});
