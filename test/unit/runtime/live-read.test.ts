import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readWorldLive } from '../../../runtime/kube/live-read.ts';
import { StellarNodes } from '../../../runtime/kube/resources.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { failure, MemoryKube } from '../stand-ins/memory-kube.ts';

const SCOPE = { ownNamespace: 'stellar-peers', watchNamespaces: [] };

/** An API server that answers the first `times` lists of pods with `status`, each after `tookMs`. */
function setUp(times: number, status: number, tookMs = 0) {
  const kube = new MemoryKube();
  const clock = new ManualClock();
  let failed = 0;
  kube.intercept = async (request) => {
    if (!request.startsWith('list /api/v1/pods')) return;
    if (failed === times) return;
    failed += 1;
    await clock.sleep(tookMs);
    throw failure(status, '', 'no');
  };
  const reading = (withClock = true) => {
    const read = readWorldLive(kube, SCOPE, withClock ? clock : undefined).then(
      () => 'read',
      (error: Error) => error.message,
    );
    let said: string | undefined;
    void read.then((what) => {
      said = what;
    });
    return clock.passUntil(() => said !== undefined, 50).then(() => read);
  };
  return { reading, failed: () => failed };
}

describe('a live read for a restart', () => {
  it('lists the namespaces of the scope alone, and no Services', async () => {
    const kube = new MemoryKube();
    const watchNamespaces = ['acme', 'globex'];
    await readWorldLive(kube, { ...SCOPE, watchNamespaces }, new ManualClock());
    for (const kind of ['stellarnodes', 'statefulsets', 'pods', 'poddisruptionbudgets']) {
      const asked = kube.requests.filter((request) => request.endsWith(`/${kind}`));
      assert.deepEqual(
        asked.map((request) => /namespaces\/([^/]+)\//.exec(request)?.[1]),
        watchNamespaces,
      );
    }
    assert.ok(!kube.requests.some((request) => request.includes('services')));
  });

  it('sends no further request after one has failed', async () => {
    const kube = new MemoryKube();
    const watchNamespaces = Array.from({ length: 100 }, (_, index) => `n${index}`);
    kube.intercept = (request) => {
      if (request.startsWith('list /api/v1/namespaces/n0/pods')) throw failure(403, '', 'no');
    };
    await assert.rejects(readWorldLive(kube, { ...SCOPE, watchNamespaces }, new ManualClock()), /no/);
    const { length } = kube.requests;
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(kube.requests.length - length < 10, `${kube.requests.length - length} more`);
    assert.ok(length < 200, `${length}`);
  });
});

describe('a live read of everything', () => {
  it('tries a list again after a temporary failure', async () => {
    for (const status of [0, 429, 500, 503]) {
      const { reading, failed } = setUp(3, status);
      assert.equal(await reading(), 'read');
      assert.equal(failed(), 3);
    }
  });

  it('gives up after the fourth try, and at once if another try cannot help or there is no time for one', async () => {
    assert.match(await setUp(4, 503).reading(), /no/);
    const refused = setUp(1, 403);
    assert.match(await refused.reading(), /no/);
    assert.equal(refused.failed(), 1);
    assert.match(await setUp(1, 503).reading(false), /no/);
  });

  it('is not used if the read took too many seconds', async () => {
    assert.match(await setUp(3, 503, 2_000).reading(), /no|took too long/);
  });

  it('stops a list that takes too long, before the list has ended', async () => {
    const kube = new MemoryKube();
    const clock = new ManualClock();
    const names = Array.from({ length: 20 }, (_, index) => `node-${index}`);
    kube.seed(
      StellarNodes,
      names.map((name) => ({ metadata: { name, namespace: 'acme' } })),
    );
    const { list } = kube;
    let read = 0;
    kube.list = (resource, query, project) =>
      list(resource, query, (object) => {
        if (resource === StellarNodes) read += 1;
        if (resource === StellarNodes) clock.advance(1_000);
        return project ? project(object) : (object as never);
      });
    await assert.rejects(readWorldLive(kube, SCOPE, clock), /took too long/);
    assert.equal(read, 5);
  });
});
