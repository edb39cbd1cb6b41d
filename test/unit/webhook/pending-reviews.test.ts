/**
 * How long admission holds pods of a young network.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PendingReviews } from '../../../webhook/hold/pending-reviews.ts';
import { FakeClock } from './fake-clock.ts';
import { ownerRef, Village } from './village.ts';

function setUp() {
  const clock = new FakeClock();
  const village = new Village(clock);
  const holds = new PendingReviews({ memberships: village, clock });
  const startMs = clock.monotonicMs();
  const freed = new Map<string, { why: string; atMs: number; peers: number }>();
  const admit = (name: string): void => {
    void Promise.resolve(holds.hold(ownerRef(name))).then((why) => {
      freed.set(name, { why, atMs: clock.monotonicMs() - startMs, peers: village.peersOf(name) });
    });
  };
  /** The StellarNode appears, and the review of its pod comes. */
  const come = (name: string, options?: Parameters<Village['join']>[1]): void => {
    village.join(name, options);
    admit(name);
  };
  return { clock, village, holds, freed, admit, come };
}

const names = (count: number, prefix = 'v'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

/** A network that has not changed for an hour. */
async function restingNetwork(count: number) {
  const parts = setUp();
  for (const name of names(count)) parts.village.join(name);
  parts.village.publish();
  await parts.clock.pass(3_600_000);
  return parts;
}

test('three validators 300 ms apart wait for each other and start with all peers', async () => {
  const { clock, village, freed, come } = setUp();
  for (const name of names(3)) {
    come(name);
    await clock.pass(100);
    village.publish();
    await clock.pass(200);
  }
  assert.equal(freed.size, 0);
  await clock.pass(3_000);
  // The third validator came at 600 ms. All are answered together, a second later.
  const expected = { why: 'settled', atMs: 1_600, peers: 2 };
  assert.deepEqual(
    [...freed],
    names(3).map((name) => [name, expected]),
  );
});

test('twenty validators at once are admitted as soon as each has eight peers', async () => {
  const { clock, village, freed, come } = setUp();
  for (const name of names(20)) {
    come(name);
  }
  await clock.pass(200);
  assert.equal(freed.size, 0);
  village.publish();
  await clock.pass(50);
  assert.equal(freed.size, 20);
  for (const { why, peers } of freed.values())
    assert.deepEqual({ why, peers }, { why: 'settled', peers: 19 });
});

test('in a network that does not change no pod waits, and no timer or subscription is started', async () => {
  const { clock, village, freed, admit } = await restingNetwork(3);
  for (const name of names(3)) admit(name);
  assert.equal(clock.timers + village.listeners, 0);
  await clock.pass(0);
  assert.deepEqual(
    [...freed.values()].map(({ why }) => why),
    ['settled', 'settled', 'settled'],
  );
});

test('a validator alone waits until one second has passed without a change, no longer', async () => {
  const { clock, village, freed, admit } = setUp();
  village.join('v1');
  village.publish();
  admit('v1');
  await clock.pass(990);
  assert.equal(freed.size, 0);
  await clock.pass(10);
  assert.equal(freed.get('v1')?.why, 'settled');
});

test('no pod waits longer than three seconds after the first of the group', async () => {
  const { clock, village, freed, come } = setUp();
  for (const name of names(6)) {
    come(name);
    village.publish();
    await clock.pass(500);
  }
  assert.equal(freed.get('v1')?.atMs, 3_000);
  assert.deepEqual([...freed.keys()].sort(), names(6));
  assert.ok([...freed.values()].every(({ atMs }) => atMs <= 3_000));
});

test('a validator that joins within a minute after the wait of its group waits for its view, not for other validators', async () => {
  const { clock, village, freed, admit, come } = setUp();
  for (const name of names(3)) village.join(name);
  village.publish();
  for (const name of names(3)) admit(name);
  await clock.pass(2_000);
  assert.equal(freed.size, 3);
  come('v4');
  await clock.pass(200);
  assert.equal(freed.has('v4'), false);
  village.publish();
  await clock.pass(20);
  assert.equal(freed.get('v4')?.peers, 3);
  // Without a view, the validator waits for at most 1.5 s.
  come('v5');
  await clock.pass(1_490);
  assert.equal(freed.has('v5'), false);
  await clock.pass(10);
  assert.equal(freed.get('v5')?.why, 'timeIsUp');
});

test('a group may wait for other validators again a minute after its last wait', async () => {
  const { clock, village, freed, admit } = setUp();
  village.join('v1');
  village.publish();
  admit('v1');
  await clock.pass(62_000);
  village.join('v2');
  village.publish();
  admit('v2');
  await clock.pass(500);
  assert.equal(freed.has('v2'), false);
  await clock.pass(600);
  assert.equal(freed.get('v2')?.why, 'settled');
});

test('a pod waits until its StatefulSet is in the cache', async () => {
  const { clock, village, freed, admit } = await restingNetwork(9);
  village.join('late', { withoutStatefulSet: true });
  village.publish();
  admit('late');
  await clock.pass(300);
  assert.equal(freed.size, 0);
  village.addStatefulSet('late');
  await clock.pass(20);
  assert.deepEqual(freed.get('late')?.why, 'settled');
});

test('a pod whose StellarNode never appears waits 1.5 s once, then not again for a minute', async () => {
  const { clock, freed, admit } = setUp();
  admit('stranger');
  await clock.pass(1_490);
  assert.equal(freed.size, 0);
  await clock.pass(10);
  assert.equal(freed.get('stranger')?.why, 'timeIsUp');
  freed.clear();
  admit('stranger');
  await clock.pass(0);
  assert.equal(freed.get('stranger')?.why, 'settled');
});

test('a read replica of a validator does not wait, whichever of its objects are in the caches', async () => {
  const { clock, village, freed, admit } = await restingNetwork(2);
  village.join('v1-read', { withoutStatefulSet: true });
  admit('v1-read');
  await clock.pass(0);
  assert.equal(freed.size, 0, 'a validator of such a name waits as others do');
  village.leave('v1-read');
  admit('v2-read');
  await clock.pass(20);
  assert.deepEqual([freed.get('v1-read')?.why, freed.get('v2-read')?.why], ['settled', 'settled']);
});

test('without a leader no pod waits, and when the leader disappears the waiting pods are admitted', async () => {
  const { clock, village, freed, come } = setUp();
  village.hasLeader = false;
  come('v1');
  await clock.pass(0);
  assert.equal(freed.get('v1')?.why, 'noLeader');
  village.hasLeader = true;
  come('v2');
  await clock.pass(100);
  assert.equal(freed.has('v2'), false);
  village.hasLeader = false;
  village.changed();
  await clock.pass(20);
  assert.equal(freed.get('v2')?.why, 'noLeader');
});

test('suspended and unreadable validators do not wait', async () => {
  const { clock, village, freed, admit } = setUp();
  village.join('asleep', { spec: { suspended: true } });
  village.join('broken', { spec: { validatorConfig: { peerPort: 70_000 } } });
  admit('asleep');
  admit('broken');
  await clock.pass(0);
  assert.equal(freed.size, 2);
});

test('a view that stays out of date while the membership does not change holds no validator', async () => {
  const { clock, village, freed, admit } = await restingNetwork(3);
  village.join('v4');
  await clock.pass(11_000);
  admit('v1');
  await clock.pass(0);
  assert.equal(freed.get('v1')?.why, 'settled');
});

test('the process holds pods for at most ten seconds of any minute', async () => {
  const { clock, village, holds } = setUp();
  let heldMs = 0;
  let held = 0;
  for (let round = 0; round < 40; round += 1) {
    const name = `v${round}`;
    village.join(name, { spec: { network: { Custom: `network ${round}` } } });
    held += 1;
    void Promise.resolve(holds.hold(ownerRef(name))).then(() => {
      held -= 1;
    });
    for (let turn = 0; turn < 10; turn += 1) {
      await clock.pass(100);
      if (held > 0) heldMs += 100;
    }
  }
  assert.ok(heldMs >= 9_800 && heldMs <= 10_000, `held for ${heldMs} ms`);
  await clock.pass(60_000);
  village.join('later', { spec: { network: { Custom: 'later' } } });
  let isFree = false;
  void Promise.resolve(holds.hold(ownerRef('later'))).then(() => {
    isFree = true;
  });
  await clock.pass(1_000);
  assert.equal(isFree, false);
});

test('hundreds of held pods share one timer and one subscription, and a release admits all', async () => {
  const { clock, village, holds, freed, admit, come } = setUp();
  for (const name of names(200)) {
    come(name, { withoutStatefulSet: true });
  }
  await clock.pass(100);
  assert.deepEqual([freed.size, clock.timers, village.listeners], [0, 1, 1]);
  holds.release();
  await clock.pass(0);
  assert.deepEqual([freed.size, clock.timers, village.listeners], [200, 0, 0]);
  admit('after');
  await clock.pass(0);
  assert.equal(freed.get('after')?.why, 'shutdown');
});

test('the reviews that are held have a limit on their total size, and each admitted review makes room', async () => {
  const { clock, village, holds } = setUp();
  const hold = (name: string, length: number) => {
    village.join(name, { withoutStatefulSet: true });
    return holds.hold(ownerRef(name), length);
  };
  const half = 2 * 1024 * 1024;
  assert.ok(hold('a', half) instanceof Promise);
  assert.ok(hold('b', half) instanceof Promise);
  assert.equal(hold('c', 1), 'budgetSpent');
  await clock.pass(3_000);
  assert.ok(hold('d', half) instanceof Promise);
  holds.release();
});

test('a pod whose view is complete does not wait for a pod of the same group that lacks its view', async () => {
  const { clock, village, freed, admit } = await restingNetwork(9);
  village.join('v10', { withoutStatefulSet: true });
  village.join('v11');
  village.publish();
  admit('v10');
  admit('v11');
  await clock.pass(20);
  assert.deepEqual([...freed.keys()], ['v11']);
});
