import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { KubeObject, ListQuery } from '../../../runtime/kube/port.ts';
import { Reflector } from '../../../runtime/kube/reflector.ts';
import { Pods } from '../../../runtime/kube/resources.ts';
import { Notifier } from '../../../runtime/notifier.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { failure, MemoryKube } from '../stand-ins/memory-kube.ts';

const QUERY: ListQuery = { labelSelector: 'watched=yes' };
const HOUR_MS = 3_600_000;

interface Options {
  readonly query?: ListQuery;
  readonly kube?: MemoryKube;
  readonly store?: Map<string, unknown>;
}

/** A reflector that runs until the test ends, and keeps the `spec` of each object. */
function setUp(t: TestContext | undefined, options: Options = {}) {
  const { kube = new MemoryKube(), store = new Map<string, unknown>(), query = QUERY } = options;
  const clock = new ManualClock();
  const log = new CapturedLog();
  const changes: string[] = [];
  let timesSynced = 0;
  const reflector = new Reflector({
    kube,
    outage: new Notifier(),
    clock,
    log,
    resource: Pods,
    query,
    keyOf: (object) => object.metadata.name,
    project: (object) => object.spec,
    store,
    onChange: (key) => changes.push(key),
    onSynced: () => {
      timesSynced += 1;
    },
  });
  const stop = new AbortController();
  t?.after(() => stop.abort());
  const run = () => reflector.run(stop.signal);
  const watching = () => clock.passUntil(() => kube.feed.streams > 0, 100);
  const synced = () => [reflector.synced, timesSynced];
  return { kube, clock, log, changes, store, reflector, run, watching, synced, stop: () => stop.abort() };
}

type Stage = ReturnType<typeof setUp>;

const ref = (name: string) => ({ resource: Pods, namespace: 'stellar', name });

const object = (name: string, value: number, watched = true): KubeObject => ({
  metadata: { name, namespace: 'stellar', uid: name, labels: watched ? { watched: 'yes' } : {} },
  spec: { value },
});

const put = ({ kube }: Stage, name: string, value: number, watched = true) =>
  kube.seed(Pods, [object(name, value, watched)]);

/** What the store should hold: the objects of the server that the query selects. */
const served = ({ kube }: Stage, names: readonly string[]) =>
  new Map(
    names.flatMap((name) => {
      const found = kube.observe(ref(name));
      return found?.metadata.labels?.watched === 'yes' ? [[name, found.spec] as const] : [];
    }),
  );

async function settled(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await turn();
}

/** A running reflector that knows `a` and `b`, with a watch that has lasted long enough to count. */
async function watchingStage(t: TestContext): Promise<Stage> {
  const stage = setUp(t);
  put(stage, 'a', 1);
  put(stage, 'b', 2);
  void stage.run();
  await stage.watching();
  stage.clock.advance(60_000);
  stage.changes.length = 0;
  return stage;
}

const requestsOf = ({ kube }: Stage, verb: string) =>
  kube.requests.filter((request) => request.startsWith(verb)).length;

describe('a local store', () => {
  it('holds the objects that exist at the start, and follows each addition, change and deletion', async (t) => {
    const stage = setUp(t);
    put(stage, 'a', 1);
    put(stage, 'unwatched', 1, false);
    assert.deepEqual(stage.synced(), [false, 0]);
    void stage.run();
    await stage.watching();
    assert.deepEqual(stage.synced(), [true, 1]);
    assert.deepEqual(stage.store, new Map([['a', { value: 1 }]]));
    put(stage, 'b', 2);
    put(stage, 'a', 3);
    await stage.kube.delete(ref('b'));
    assert.deepEqual(stage.store, new Map([['a', { value: 3 }]]));
    assert.deepEqual(stage.changes, ['a', 'b', 'a', 'b']);
    assert.equal(requestsOf(stage, 'list'), 1);
  });

  it('reports no change of a field that is not read', async (t) => {
    const stage = await watchingStage(t);
    await stage.kube.patch(ref('a'), [{ op: 'add', path: '/status', value: { phase: 'Running' } }]);
    await stage.kube.patch(ref('a'), [{ op: 'add', path: '/metadata/annotations', value: { seen: 'now' } }]);
    stage.kube.feed.bookmark();
    assert.deepEqual(stage.changes, []);
    put(stage, 'unwatched', 1, false);
    stage.kube.feed.compact();
    stage.kube.feed.cut();
    await stage.clock.passUntil(() => requestsOf(stage, 'list') === 2 && stage.kube.feed.streams > 0);
    assert.deepEqual(stage.changes, []);
  });

  it('shared by a reflector for each namespace keeps the objects of the others when one lists again', async (t) => {
    const kube = new MemoryKube();
    const store = new Map<string, unknown>();
    const stages = ['one', 'two'].map((namespace) => setUp(t, { kube, store, query: { namespace } }));
    for (const namespace of ['one', 'two', 'three']) {
      kube.seed(Pods, [{ metadata: { name: `in-${namespace}`, namespace }, spec: {} }]);
    }
    for (const stage of stages) void stage.run();
    await settled();
    kube.feed.compact();
    kube.feed.cut();
    kube.seed(Pods, [{ metadata: { name: 'new', namespace: 'one' }, spec: {} }]);
    await stages[0]?.clock.passUntil(() => store.has('new'));
    assert.deepEqual([...store.keys()].sort(), ['in-one', 'in-two', 'new']);
  });

  it('learns of objects that were deleted while there was no watch', async (t) => {
    const stage = await watchingStage(t);
    stage.kube.intercept = (request) => {
      if (/^(watch|list)/.test(request)) throw failure(0, '', 'no route');
    };
    stage.kube.feed.cut(new Error('connection reset'));
    await stage.kube.delete(ref('a'));
    stage.kube.feed.compact();
    stage.kube.intercept = () => undefined;
    await stage.clock.passUntil(() => !stage.store.has('a'));
    assert.deepEqual(stage.changes, ['a']);
    assert.deepEqual(stage.synced(), [true, 1]);
  });
});

describe('a watch that breaks', () => {
  it('resumes at its last version, without another list', async (t) => {
    const stage = await watchingStage(t);
    for (const error of [undefined, new Error('connection reset')]) {
      stage.kube.feed.cut(error);
      put(stage, 'c', stage.clock.monotonicMs());
      await stage.clock.passUntil(() => stage.kube.feed.streams > 0);
      stage.clock.advance(60_000);
    }
    assert.equal(requestsOf(stage, 'list'), 1);
    assert.deepEqual(stage.changes, ['c', 'c']);
  });

  it('resumes at the last bookmark, so the server may forget older versions', async (t) => {
    const stage = await watchingStage(t);
    put(stage, 'unwatched', 1, false);
    stage.kube.feed.bookmark();
    stage.kube.feed.compact();
    stage.kube.feed.cut();
    await stage.clock.passUntil(() => stage.kube.feed.streams > 0);
    assert.equal(requestsOf(stage, 'list'), 1);
  });

  it('lists again if its version is too old, however the server says so', async (t) => {
    for (const how of ['status', 'event'] as const) {
      const stage = await watchingStage(t);
      stage.kube.feed.expiredBy = how;
      stage.kube.feed.cut();
      await stage.kube.delete(ref('b'));
      put(stage, 'c', 3);
      stage.kube.feed.compact();
      await stage.clock.passUntil(() => stage.store.has('c'));
      assert.deepEqual(stage.store, served(stage, ['a', 'b', 'c']));
      assert.equal(requestsOf(stage, 'list'), 2);
    }
  });

  it('lists again after an error in the middle of the stream', async (t) => {
    const stage = await watchingStage(t);
    stage.kube.feed.say({ type: 'ERROR', object: { kind: 'Status', code: 500 } as unknown as KubeObject });
    stage.kube.feed.cut();
    put(stage, 'c', 3);
    await stage.clock.passUntil(() => stage.store.has('c'));
    assert.equal(requestsOf(stage, 'list'), 2);
  });

  it('is retried ever more slowly, but at least every five seconds, and quickly after a later break', async (t) => {
    const stage = await watchingStage(t);
    const retries = async (count: number) => {
      stage.clock.slept.length = 0;
      stage.kube.intercept = (request) => {
        if (/^(watch|list)/.test(request)) throw failure(503, '', 'not now');
      };
      stage.kube.feed.cut(new Error('connection reset'));
      await stage.clock.passUntil(() => stage.clock.slept.length >= count);
      stage.kube.intercept = () => undefined;
      await stage.clock.passUntil(() => stage.kube.feed.streams > 0);
      return stage.clock.slept.slice(0, count);
    };
    const expected = [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000];
    assert.deepEqual(await retries(expected.length), expected);
    stage.clock.advance(60_000);
    assert.deepEqual(await retries(2), [250, 500]);
    assert.ok(stage.log.with(/watch failed/).length >= expected.length);
    assert.equal(stage.log.with(/watch re-established/).length, 1);
  });

  it('counts as no watch while the server neither grants nor refuses it', async (t) => {
    const stage = await watchingStage(t);
    const { promise, reject } = Promise.withResolvers<void>();
    stage.kube.intercept = (request) => (request.startsWith('watch') ? promise : undefined);
    stage.kube.feed.cut(new Error('connection reset'));
    await stage.clock.passUntil(() => requestsOf(stage, 'watch') === 2);
    stage.clock.advance(60_000);
    assert.ok(stage.reflector.staleMs() >= 60_000);
    reject(failure(0, '', 'no answer'));
    stage.kube.intercept = () => undefined;
    await stage.clock.passUntil(() => stage.reflector.staleMs() === 0, 1_000);
  });

  it('is not reopened in a hot loop if every stream ends at once', async (t) => {
    const stage = await watchingStage(t);
    const { watch } = stage.kube;
    stage.kube.watch = (...args) => {
      const opened = watch(...args);
      void settled().then(() => stage.kube.feed.cut());
      return opened;
    };
    stage.kube.feed.cut();
    for (let count = 0; count < 500; count += 1) await turn();
    assert.ok(requestsOf(stage, 'watch') <= 3, `${requestsOf(stage, 'watch')} watches in no time`);
  });

  it('ends for good when its signal is aborted, in whatever state it was', async () => {
    const doing: Array<(stage: Stage) => Promise<void>> = [
      async () => undefined,
      (stage) => stage.watching(),
      async (stage) => {
        stage.kube.intercept = () => {
          throw failure(503, '', 'not now');
        };
        await settled();
      },
    ];
    for (const before of doing) {
      const stage = setUp(undefined);
      const running = stage.run();
      await before(stage);
      stage.stop();
      await running;
      const requests = stage.kube.requests.length;
      stage.clock.advance(HOUR_MS);
      await settled();
      assert.equal(stage.kube.requests.length, requests);
    }
  });
});

describe('the age of a store', () => {
  it('is 0 while a watch is up, however quiet', async (t) => {
    const stage = await watchingStage(t);
    assert.equal(stage.reflector.staleMs(), 0);
    stage.clock.advance(HOUR_MS);
    assert.equal(stage.reflector.staleMs(), 0);
  });

  it('counts from the start until the first watch is up, and a watch counts as up when it has lasted 1 s', async (t) => {
    const stage = setUp(t);
    stage.kube.intercept = () => {
      throw failure(0, '', 'no route');
    };
    void stage.run();
    await settled();
    assert.equal(stage.reflector.staleMs(), 0);
    stage.clock.advance(7_000);
    assert.equal(stage.reflector.staleMs(), 7_000);
    stage.kube.intercept = (request) => {
      if (request.startsWith('watch')) throw failure(403, '', 'no watch for you');
    };
    await stage.clock.passUntil(() => requestsOf(stage, 'watch') > 3, 10_000);
    assert.ok(stage.reflector.staleMs() >= 10_000, 'a list alone does not keep it current');
    stage.kube.intercept = () => undefined;
    await stage.watching();
    stage.clock.advance(2_000);
    assert.equal(stage.reflector.staleMs(), 0);
  });

  it('grows for as long as no watch can be opened, and is 0 again afterwards', async (t) => {
    const stage = await watchingStage(t);
    stage.kube.intercept = () => {
      throw failure(0, '', 'no route');
    };
    stage.kube.feed.cut(new Error('connection reset'));
    await settled();
    for (let minute = 1; minute <= 3; minute += 1) {
      stage.clock.advance(60_000);
      await settled();
      assert.equal(stage.reflector.staleMs(), minute * 60_000);
    }
    stage.kube.intercept = () => undefined;
    await stage.clock.passUntil(() => stage.kube.feed.streams > 0);
    stage.clock.advance(2_000);
    assert.equal(stage.reflector.staleMs(), 0);
  });

  it('does not jump when the server ends a watch that was good', async (t) => {
    const stage = await watchingStage(t);
    stage.clock.advance(HOUR_MS);
    stage.kube.feed.cut();
    await stage.clock.passUntil(() => stage.kube.feed.streams > 0, 100);
    assert.ok(stage.reflector.staleMs() <= 1_000, `${stage.reflector.staleMs()}`);
  });
});

describe('whatever happens to objects and connections', () => {
  const NAMES = ['a', 'b', 'c', 'd'];
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('put' as const),
      name: fc.constantFrom(...NAMES),
      value: fc.nat(3),
      watched: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('delete' as const), name: fc.constantFrom(...NAMES) }),
    fc.record({
      kind: fc.constantFrom('cut', 'break', 'compact', 'error', 'bookmark', 'outage', 'recover', 'turn'),
    }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 50, max: 20_000 }) }),
  );
  type Happening = typeof event extends fc.Arbitrary<infer T> ? T : never;

  async function happen(stage: Stage, each: Happening): Promise<void> {
    const { kube, clock } = stage;
    const outage = () => {
      throw failure(503, '', 'not now');
    };
    if (each.kind === 'put' && 'name' in each) put(stage, each.name, each.value, each.watched);
    else if (each.kind === 'delete' && 'name' in each)
      await kube.delete(ref(each.name)).catch(() => undefined);
    else if (each.kind === 'pass' && 'ms' in each) clock.advance(each.ms);
    else if (each.kind === 'cut') kube.feed.cut();
    else if (each.kind === 'break') kube.feed.cut(new Error('connection reset'));
    else if (each.kind === 'compact') kube.feed.compact();
    else if (each.kind === 'bookmark') kube.feed.bookmark();
    else if (each.kind === 'outage') kube.intercept = outage;
    else if (each.kind === 'recover') kube.intercept = () => undefined;
    else if (each.kind === 'error') {
      kube.feed.say({ type: 'ERROR', object: { kind: 'Status', code: 410 } as unknown as KubeObject });
      kube.feed.cut();
    } else await turn();
  }

  it('the store ends up equal to the server, and every difference was reported', async () => {
    const run = fc.record({ events: fc.array(event, { maxLength: 40 }), byEvent: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(run, async ({ events, byEvent }) => {
        const stage = setUp(undefined);
        stage.kube.feed.expiredBy = byEvent ? 'event' : 'status';
        const running = stage.run();
        const told = new Map<string, unknown>();
        const follow = () => {
          for (const key of stage.changes.splice(0)) {
            if (stage.store.has(key)) told.set(key, stage.store.get(key));
            else told.delete(key);
          }
        };
        for (const each of events) {
          await happen(stage, each);
          follow();
        }
        stage.kube.intercept = () => undefined;
        const equal = () => {
          follow();
          const wanted = served(stage, NAMES);
          const same = (map: ReadonlyMap<string, unknown>) =>
            map.size === wanted.size &&
            [...wanted].every(([key, spec]) => JSON.stringify(map.get(key)) === JSON.stringify(spec));
          return stage.reflector.synced && same(stage.store) && same(told);
        };
        await stage.clock.passUntil(equal);
        stage.stop();
        await running;
      }),
      { numRuns: 80 },
    );
  });
});
