import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Feed } from '../../../page/feed.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { REPLICA, WatchedCluster } from './served.ts';

const STEP_MS = 50;

function setUp() {
  const clock = new ManualClock();
  const cluster = new WatchedCluster();
  const log = new CapturedLog();
  const feed = new Feed({ clock, log, ...cluster, replica: () => REPLICA });
  const heard: string[] = [];
  const join = () => feed.join((message) => heard.push(message));
  const kinds = () => heard.map((message) => /^event: (\w+)/.exec(message)?.[1]);
  /** Lets time pass in small steps. */
  const pass = async (ms: number): Promise<void> => {
    for (let leftMs = ms; leftMs > 0; leftMs -= STEP_MS) {
      clock.advance(Math.min(STEP_MS, leftMs));
      await turn();
    }
  };
  return { pass, cluster, feed, heard, join, kinds };
}

describe('the stream of the status page', () => {
  it('computes no snapshot while no browser watches', async () => {
    const { pass, cluster, join } = setUp();
    await pass(60_000);
    assert.deepEqual([cluster.looks, cluster.watching], [0, 0]);
    const leave = join();
    await pass(1_000);
    assert.deepEqual([cluster.looks, cluster.watching], [1, 1]);
    leave();
    await pass(60_000);
    assert.deepEqual([cluster.looks, cluster.watching], [1, 0]);
  });

  it('computes the snapshot after a change once for all browsers', async () => {
    const { pass, cluster, heard, join } = setUp();
    for (let index = 0; index < 10; index += 1) join();
    await pass(1_000);
    cluster.change('paused');
    await pass(1_000);
    assert.equal(cluster.looks, 2);
    assert.equal(heard.length, 20);
  });

  it('computes a snapshot at most every half second, however often the cluster changes', async () => {
    const { pass, cluster, join } = setUp();
    join();
    await pass(1_000);
    const before = cluster.looks;
    for (let tenths = 0; tenths < 100; tenths += 1) {
      cluster.change(String(tenths));
      await pass(100);
    }
    assert.ok(cluster.looks - before <= 21, `${cluster.looks - before} looks in 10 s`);
    assert.ok(cluster.looks - before >= 10, `${cluster.looks - before} looks in 10 s`);
  });

  it('computes no more snapshots for a browser that connects again and again', async () => {
    const { pass, cluster, join } = setUp();
    for (let tenths = 0; tenths < 100; tenths += 1) {
      const leave = join();
      await pass(50);
      leave();
      await pass(50);
    }
    assert.ok(cluster.looks <= 21, `${cluster.looks} looks in 10 s`);
    assert.equal(cluster.watching, 0);
  });

  it('sends a browser that joins later the snapshot that the others have', async () => {
    const { pass, cluster, feed, join } = setUp();
    join();
    await pass(1_000);
    const late: string[] = [];
    feed.join((message) => late.push(message));
    assert.match(late.join(), /^event: snapshot\n/);
    assert.equal(cluster.looks, 1);
  });

  it('sends a short message, and no snapshot again, while nothing changes', async () => {
    const { pass, heard, join, kinds } = setUp();
    join();
    await pass(1_000);
    await pass(10_000);
    assert.deepEqual(kinds(), ['snapshot', 'alive']);
    assert.match(heard[1] ?? '', /"nowMs":\d+/);
  });

  it('continues after the state could not be read', async () => {
    const { pass, cluster, join, kinds } = setUp();
    cluster.failure = new Error('a defect');
    join();
    await pass(1_000);
    assert.deepEqual(kinds(), []);
    cluster.failure = undefined;
    await pass(20_000);
    assert.equal(kinds()[0], 'snapshot');
  });
});
