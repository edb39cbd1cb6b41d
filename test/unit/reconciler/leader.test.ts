import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { readSettings } from '../../../app/settings.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { Electorate, LEASE, LEASE_MS, REQUEST_MS, type Travel } from './electorate.ts';

/** The longest that a replica waits between two looks at the Lease. */
const LOOK_MS = LEASE_MS / 5;
const STEP_MS = 250;
/** The most that LEASE_DURATION_SECONDS takes. */
const LEASE_MS_MAX = 300_000;

/** Replicas of these names, of which one leads. */
async function elected(t: TestContext, ...names: string[]) {
  const electorate = new Electorate();
  t.after(() => electorate.end());
  for (const name of names) electorate.join(name);
  await electorate.until(() => electorate.leaders().length > 0, LOOK_MS);
  const [first = ''] = electorate.leaders();
  const leader = electorate.replicas.find(({ name }) => name === first);
  if (!leader) throw new Error('no replica leads');
  const others = electorate.replicas.filter((replica) => replica !== leader);
  return { electorate, leader, others };
}

describe('the first election', () => {
  it('gives a free Lease to one replica, and the other replicas know that a replica leads', async (t) => {
    const { electorate, leader, others } = await elected(t, 'a', 'b', 'c');
    await electorate.until(() => false, 10 * LEASE_MS);
    assert.deepEqual(electorate.leaders(), [leader.name]);
    assert.equal(electorate.spec().holderIdentity, leader.name);
    assert.equal(electorate.spec().leaseTransitions, 1);
    assert.equal(leader.terms, 1);
    for (const { leader: follower } of others) {
      assert.equal(follower.someoneLeads(), true);
      assert.equal(follower.holder(), leader.name);
    }
  });

  it('costs one request for each look at the Lease', async (t) => {
    const { electorate } = await elected(t, 'a');
    const before = electorate.kube.requests.length;
    await electorate.until(() => false, 10 * LEASE_MS);
    assert.ok(electorate.kube.requests.length - before <= 10 * 5 + 1);
  });
});

describe('a Lease that cannot be reached', () => {
  it('is logged as one warning a minute, not at each look', async (t) => {
    const { electorate, leader } = await elected(t, 'a');
    leader.travel = () => ({ thereMs: 0, backMs: 0, lost: 'request' });
    await electorate.until(() => false, 130_000);
    const said = leader.log.lines.filter(({ message }) => /could not be read or written/.test(message));
    const warnings = said.filter(({ level }) => level === 'warn').length;
    assert.ok(said.length > 10 && warnings >= 2 && warnings <= 3, `${warnings} of ${said.length}`);
  });
});

describe('a leader that falls silent', () => {
  it('is replaced by another leader after the duration of the Lease, not sooner', async (t) => {
    const { electorate, leader, others } = await elected(t, 'a', 'b');
    await electorate.until(() => false, LEASE_MS);
    leader.kill();
    const passedMs = await electorate.until(() => others[0]?.leads() === true, 10 * LEASE_MS);
    assert.ok(passedMs > LEASE_MS - LOOK_MS - STEP_MS, `${passedMs}`);
    assert.ok(passedMs <= LEASE_MS + 2 * LOOK_MS, `${passedMs}`);
    assert.equal(electorate.spec().leaseTransitions, 2);
  });

  it('ends its term before another replica leads, also if it only cannot reach the API server', async (t) => {
    const { electorate, leader, others } = await elected(t, 'a', 'b');
    leader.travel = () => ({ thereMs: 0, backMs: 0, lost: 'request' });
    await electorate.until(() => !leader.leads(), 10 * LEASE_MS);
    await electorate.until(() => leader.terms === 0, 2 * REQUEST_MS);
    assert.equal(leader.terms, 0);
    assert.deepEqual(electorate.leaders(), []);
    await electorate.until(() => others[0]?.leads() === true, 10 * LEASE_MS);
    assert.deepEqual(electorate.leaders(), [others[0]?.name]);
    leader.travel = () => ({ thereMs: 0, backMs: 0, lost: 'no' });
    await electorate.until(() => false, 3 * LEASE_MS);
    assert.deepEqual(electorate.leaders(), [others[0]?.name]);
  });

  it('does not lead when it wakes from a long sleep', async (t) => {
    const { electorate, leader } = await elected(t, 'a', 'b');
    electorate.clock.advance(LEASE_MS - REQUEST_MS);
    assert.equal(leader.leads(), false);
    assert.ok(leader.leader.remainingMs() <= 0);
  });

  it('leads again when it reaches the API server, if it is the only replica', async (t) => {
    const { electorate, leader } = await elected(t, 'a');
    leader.travel = () => ({ thereMs: 0, backMs: 0, lost: 'answer' });
    await electorate.until(() => leader.terms === 0, 10 * LEASE_MS);
    assert.equal(leader.terms, 0);
    leader.travel = () => ({ thereMs: 0, backMs: 0, lost: 'no' });
    const passedMs = await electorate.until(() => leader.leads(), 10 * LEASE_MS);
    assert.ok(passedMs <= REQUEST_MS + 3 * LOOK_MS, `${passedMs}`);
    assert.equal(leader.terms, 1);
  });
});

describe('a leader that is stopped', () => {
  it('gives the Lease back, and another replica leads at its next look', async (t) => {
    const { electorate, leader, others } = await elected(t, 'a', 'b');
    await electorate.until(() => false, LEASE_MS);
    await leader.stop();
    assert.equal(leader.terms, 0);
    assert.equal(electorate.spec().holderIdentity, '');
    const passedMs = await electorate.until(() => others[0]?.leads() === true, LEASE_MS);
    assert.ok(passedMs <= LOOK_MS + STEP_MS, `${passedMs}`);
    assert.deepEqual(electorate.leaders(), [others[0]?.name]);
  });

  it('is replaced at once by a replica that watches the Lease', async (t) => {
    const { electorate, leader } = await elected(t, 'a');
    const follower = electorate.join('b', { watches: true });
    await electorate.until(() => false, 2 * LEASE_MS);
    await leader.stop();
    assert.equal(await electorate.until(() => follower.leads(), LEASE_MS), 0);
  });

  it('gives the Lease back only when all work of its term is finished', async (t) => {
    const { electorate, leader, others } = await elected(t, 'a', 'b');
    const finished = Promise.withResolvers<void>();
    leader.ending = () => finished.promise;
    const stopped = leader.stop();
    await electorate.until(() => false, REQUEST_MS);
    assert.deepEqual([leader.terms, electorate.spec().holderIdentity], [1, leader.name]);
    assert.equal(others[0]?.leads(), false);
    finished.resolve();
    await stopped;
    assert.deepEqual([leader.terms, electorate.spec().holderIdentity], [0, '']);
  });

  it('does not take the Lease from a replica that got the Lease meanwhile', async (t) => {
    const { electorate, leader, others } = await elected(t, 'a', 'b');
    leader.travel = () => ({ thereMs: 0, backMs: 0, lost: 'request' });
    await electorate.until(() => others[0]?.leads() === true, 10 * LEASE_MS);
    leader.travel = () => ({ thereMs: 0, backMs: 0, lost: 'no' });
    await electorate.clock.pass(leader.stop());
    assert.equal(electorate.spec().holderIdentity, others[0]?.name);
  });
});

describe('a Lease that a person changed', () => {
  it('keeps ownerReferences that others added, while it is held and given back', async (t) => {
    const { electorate, leader } = await elected(t, 'a');
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'theirs', uid: 'theirs' }];
    await electorate.kube.replace(LEASE, {
      metadata: { name: LEASE.name, namespace: 'stellar-peers', ownerReferences },
      spec: { ...electorate.spec() },
    });
    const owners = async () => (await electorate.kube.get(LEASE))?.metadata.ownerReferences;
    const renewed = () => electorate.spec().renewTime;
    const before = renewed();
    await electorate.until(() => renewed() !== before, LEASE_MS);
    assert.deepEqual(await owners(), ownerReferences);
    await electorate.clock.pass(leader.stop());
    assert.equal(electorate.spec().holderIdentity, '');
    assert.deepEqual(await owners(), ownerReferences);
  });

  const meddle = (electorate: Electorate, spec: object) =>
    electorate.kube.replace(LEASE, {
      metadata: { name: LEASE.name, namespace: 'stellar-peers' },
      spec: { ...spec },
    });

  it('is respected for its duration, whatever another program wrote into it, and then taken over', async (t) => {
    const specs = [
      { holderIdentity: 'a stranger' },
      { holderIdentity: 'a stranger', renewTime: '2099-01-01T00:00:00.000000Z', leaseDurationSeconds: 1 },
      { holderIdentity: 'a stranger', renewTime: 'yesterday', leaseTransitions: -1, acquireTime: '' },
    ];
    for (const spec of specs) {
      const { electorate } = await elected(t, 'a', 'b');
      await meddle(electorate, spec);
      await electorate.until(() => electorate.leaders().length === 0, LEASE_MS);
      assert.deepEqual(electorate.leaders(), []);
      const passedMs = await electorate.until(() => electorate.leaders().length > 0, 10 * LEASE_MS);
      assert.ok(passedMs > LEASE_MS - 2 * LOOK_MS && passedMs <= LEASE_MS + 2 * LOOK_MS, `${passedMs}`);
      assert.equal(electorate.leaders().length, 1);
    }
  });

  it('is respected for a longer duration if its holder wrote a longer one', async (t) => {
    const { electorate } = await elected(t, 'a');
    await meddle(electorate, { holderIdentity: 'a slower one', leaseDurationSeconds: 60 });
    await electorate.until(() => electorate.leaders().length === 0, LEASE_MS);
    const passedMs = await electorate.until(() => electorate.leaders().length > 0, 100_000);
    assert.ok(passedMs > 60_000 - 2 * LOOK_MS && passedMs <= 60_000 + 2 * LOOK_MS, `${passedMs}`);
  });

  it('with a duration of 68 years is logged, and respected only for the longest allowed duration or until it is deleted', async (t) => {
    const settingsOf = (seconds: number) => readSettings({ LEASE_DURATION_SECONDS: `${seconds}` });
    assert.equal(settingsOf(LEASE_MS_MAX / 1000).leaseDurationSeconds * 1000, LEASE_MS_MAX);
    assert.throws(() => settingsOf(LEASE_MS_MAX / 1000 + 1), /from 1 to 300/);
    const absurd = {
      holderIdentity: 'a stranger',
      leaseDurationSeconds: 2 ** 31 - 1,
      leaseTransitions: 2 ** 31 - 1,
    };
    for (const isDeleted of [false, true]) {
      const { electorate } = await elected(t, 'a', 'b');
      await meddle(electorate, absurd);
      await electorate.until(() => false, LEASE_MS);
      assert.deepEqual(electorate.leaders(), []);
      for (const { log } of electorate.replicas) {
        const [said] = log.with(/as no replica writes it/);
        assert.equal(said?.fields.holder, 'a stranger');
      }
      if (isDeleted) await electorate.kube.delete(LEASE);
      const passedMs = await electorate.until(() => electorate.leaders().length > 0, 10 * LEASE_MS_MAX);
      const expectedMs = isDeleted ? LOOK_MS : LEASE_MS_MAX - LEASE_MS;
      assert.ok(Math.abs(passedMs - expectedMs) <= 2 * LOOK_MS, `${passedMs}`);
      assert.equal(electorate.leaders().length, 1);
      assert.ok(Number(electorate.spec().leaseTransitions) <= 2 ** 31 - 1);
    }
  });

  it('of a holder with a longer duration does not become free sooner when it is deleted', async (t) => {
    const { electorate } = await elected(t, 'a');
    await meddle(electorate, { holderIdentity: 'a slower one', leaseDurationSeconds: 60 });
    await electorate.until(() => false, LEASE_MS);
    await electorate.kube.delete(LEASE);
    const passedMs = await electorate.until(() => electorate.leaders().length > 0, 100_000);
    assert.ok(passedMs > 60_000 - LEASE_MS - 2 * LOOK_MS && passedMs <= 60_000, `${passedMs}`);
  });

  it('comes back after it was deleted, and never with two leaders', async (t) => {
    for (const [names, offsetMs] of [[], ['b'], ['b', 'c']].flatMap((names) =>
      [0, 1_000, 2_000].map((offsetMs) => [names, offsetMs] as const),
    )) {
      const { electorate } = await elected(t, 'a');
      for (const name of names) {
        // Not all look at the Lease at the same time: some notice before the leader does.
        await electorate.until(() => false, 1_000);
        electorate.join(name);
      }
      await electorate.until(() => false, 2 * LEASE_MS + offsetMs);
      await electorate.kube.delete(LEASE);
      let mostLeaders = 0;
      await electorate.until(() => {
        mostLeaders = Math.max(mostLeaders, electorate.leaders().length);
        return false;
      }, 4 * LEASE_MS);
      assert.equal(mostLeaders, 1);
      assert.equal(electorate.leaders().length, 1, names.join());
      assert.deepEqual([electorate.spec().holderIdentity], electorate.leaders());
    }
  });

  it('that cannot be written makes no replica the leader, and the write is tried again', async (t) => {
    const electorate = new Electorate();
    t.after(() => electorate.end());
    const replica = electorate.join('a');
    electorate.kube.intercept = (request) => {
      if (request.startsWith('replace')) throw failure(403, 'Forbidden', 'no');
    };
    await electorate.until(() => false, 4 * LEASE_MS);
    assert.deepEqual([electorate.leaders(), replica.terms], [[], 0]);
    assert.ok(replica.log.with(/could not be read or written/).length > 1);
    electorate.kube.intercept = () => undefined;
    await electorate.until(() => replica.leads(), 2 * LOOK_MS);
    assert.deepEqual(electorate.leaders(), ['a']);
  });
});

describe('however requests are delayed or lost, and however long replicas sleep', () => {
  const travel: fc.Arbitrary<Travel> = fc.record({
    thereMs: fc.oneof({ weight: 5, arbitrary: fc.nat(500) }, fc.nat(40_000)),
    backMs: fc.oneof({ weight: 5, arbitrary: fc.nat(500) }, fc.nat(40_000)),
    lost: fc.constantFrom('no', 'no', 'no', 'no', 'request', 'answer'),
  });
  const steps = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 50, max: 3_000 }) },
      fc.integer({ min: 3_000, max: 60_000 }),
    ),
    { minLength: 30, maxLength: 120 },
  );
  const travels = fc.array(travel, { minLength: 20, maxLength: 80 });
  const replicas = fc.array(travels, { minLength: 2, maxLength: 3 });

  /** No write of the former leader, begun while it led, is under way when the next one begins. */
  it('at most one leads, and the next one only when every write of the former has ended', async () => {
    let elections = 0;
    await fc.assert(
      fc.asyncProperty(replicas, steps, async (networks, advances) => {
        const electorate = new Electorate();
        for (const [index, network] of networks.entries()) {
          const replica = electorate.join(`replica-${index}`);
          let sent = 0;
          replica.travel = () => {
            sent += 1;
            return network[sent % network.length] ?? { thereMs: 0, backMs: 0, lost: 'no' };
          };
        }
        const ledAtMs = new Map<string, number>();
        const look = () => {
          const nowMs = electorate.clock.monotonicMs();
          const leaders = electorate.leaders();
          assert.ok(leaders.length <= 1, leaders.join());
          for (const { terms } of electorate.replicas) assert.ok(terms <= 1);
          const [leader] = leaders;
          if (leader === undefined) return;
          for (const [other, atMs] of ledAtMs) {
            assert.ok(
              other === leader || atMs + REQUEST_MS <= nowMs,
              `${leader} begins too soon after ${other}`,
            );
          }
          if (!ledAtMs.has(leader)) elections += 1;
          ledAtMs.set(leader, nowMs);
        };
        try {
          for (const ms of advances) {
            electorate.clock.advance(ms);
            await electorate.settle(look);
          }
        } finally {
          electorate.end();
        }
      }),
      { numRuns: 150 },
    );
    assert.ok(elections > 100, `only ${elections} elections: nothing was tried`);
  });
});
