import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readLive } from '../../../runtime/live.ts';
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
    const read = readLive(kube, SCOPE, withClock ? clock : undefined).then(
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

describe('reading everything afresh', () => {
  it('tries a list that failed in passing again', async () => {
    for (const status of [0, 429, 500, 503]) {
      const { reading, failed } = setUp(3, status);
      assert.equal(await reading(), 'read');
      assert.equal(failed(), 3);
    }
  });

  it('gives up after the fourth try, and at once where the refusal is meant or nobody may wait', async () => {
    assert.match(await setUp(4, 503).reading(), /no/);
    const refused = setUp(1, 403);
    assert.match(await refused.reading(), /no/);
    assert.equal(refused.failed(), 1);
    assert.match(await setUp(1, 503).reading(false), /no/);
  });

  it('decides nothing on what took seconds to come together', async () => {
    assert.match(await setUp(3, 503, 2_000).reading(), /took too long/);
  });
});
