import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Process } from './process.ts';
import { Random } from './random.ts';
import { SimTime } from './time.ts';

const START_MS = Date.UTC(2026, 10, 23, 12);

function stage() {
  const time = new SimTime(START_MS);
  const process = new Process('replica');
  const fired: string[] = [];
  const record = (what: string) => () => void fired.push(`${what}@${time.monotonicMs()}`);
  return { time, process, clock: time.clock(process, new Random(1)), fired, record };
}

describe('simulated time', () => {
  it('runs events in order of time, then of scheduling, and no others', async () => {
    const { time, fired, record } = stage();
    time.schedule(30, record('c'));
    time.schedule(10, record('a'));
    time.schedule(10, record('b'));
    time.schedule(20, record('cancelled'))();
    time.schedule(41, record('later'));
    await time.run(40);
    assert.deepEqual(fired, ['a@10', 'b@10', 'c@30']);
    assert.equal(time.monotonicMs(), 40);
    assert.equal(time.nowMs(), START_MS + 40);
  });

  it('keeps a thousand events in order', async () => {
    const { time } = stage();
    const random = new Random(7);
    const due = Array.from({ length: 1000 }, () => random.int(0, 500));
    const ran: number[] = [];
    for (const ms of due) time.schedule(ms, () => ran.push(time.monotonicMs()));
    await time.run(500);
    assert.deepEqual(
      ran,
      due.sort((a, b) => a - b),
    );
  });

  it('lets every promise settle before the next event, however long its chain', async () => {
    const { time, fired, record } = stage();
    const chain = async () => {
      for (let step = 0; step < 50; step += 1) await Promise.resolve();
      record('chain')();
    };
    time.schedule(10, () => void chain());
    time.schedule(10, record('next'));
    await time.run(10, () => fired.push('settled'));
    assert.deepEqual(fired, ['chain@10', 'settled', 'next@10', 'settled']);
  });

  it('stops at a condition, or at the deadline', async () => {
    const { time, fired, record } = stage();
    time.schedule(10, record('a'));
    time.schedule(20, record('b'));
    assert.equal(await time.runUntil(() => fired.length === 1, 100), true);
    assert.equal(time.monotonicMs(), 10);
    assert.equal(await time.runUntil(() => fired.length === 3, 100), false);
    assert.equal(time.monotonicMs(), 100);
  });

  it('wakes a sleeper after its time, or at once when it is aborted', async () => {
    const { time, clock, record, fired } = stage();
    const stop = new AbortController();
    void clock.sleep(50).then(record('slept'));
    void clock.sleep(1000, stop.signal).then(record('aborted'));
    time.schedule(60, () => stop.abort());
    await time.run(100);
    assert.deepEqual(fired, ['slept@50', 'aborted@60']);
  });

  it('delivers the events of a frozen process after the thaw, in order, and drops those of a dead process', async () => {
    const { time, process, clock, record, fired } = stage();
    clock.after(10, record('first'));
    const cancel = clock.after(20, record('second'));
    clock.after(30, () => cancel());
    clock.after(40, record('third'));
    process.freeze();
    await time.run(100);
    assert.deepEqual(fired, []);
    process.thaw();
    assert.deepEqual(fired, ['first@100', 'second@100', 'third@100']);
    clock.after(10, record('after death'));
    process.kill();
    await time.run(200);
    assert.equal(fired.length, 3);
  });

  it("skews a process' wall clock, not its durations", () => {
    const { time, process, clock } = stage();
    process.skewMs = -90_000;
    assert.equal(clock.nowMs(), time.nowMs() - 90_000);
    assert.equal(clock.monotonicMs(), time.monotonicMs());
  });
});

describe('chance', () => {
  it('draws the same numbers for the same seed, and others for the next seed', () => {
    const draws = (random: Random) => Array.from({ length: 5 }, () => random.int(0, 1000));
    assert.deepEqual(draws(new Random(4)), draws(new Random(4)));
    assert.notDeepEqual(draws(new Random(4)), draws(new Random(5)));
  });

  it('draws for one part the same numbers, however many another part has drawn', () => {
    const random = new Random(4);
    const before = random.fork('kubelet').next();
    random.next();
    assert.equal(random.fork('kubelet').next(), before);
    assert.notEqual(random.fork('server').next(), before);
  });

  it('is spread evenly, ends included', () => {
    const random = new Random(4);
    const counts = [0, 0, 0, 0];
    for (let draw = 0; draw < 4000; draw += 1) {
      const value = random.int(0, 3);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    assert.ok(
      counts.every((count) => count > 900),
      counts.join(),
    );
  });
});
