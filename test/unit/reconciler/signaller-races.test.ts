/** Changes during a call: a validator is only asked and told what still holds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { CoreError } from '../../../runtime/core-client.ts';
import type { Spec } from './group.ts';
import { ipOf, POLL_MS, refusal, Signalling, scopeOf, worldOf } from './signalling.ts';

const TWO: Readonly<Record<string, Spec>> = { a: {}, b: {} };
const PAUSED: Spec = { node: { annotations: { 'stellar.org/peer-rollout': 'paused' } } };
const tells = (name: string, peer: string) => `${ipOf(name)} connect ${ipOf(peer)}:11625`;
/** The calls of a first visit to `a`, in order. */
const VISIT = [`${ipOf('a')} peers`, `${ipOf('a')} info`, tells('a', 'b'), tells('a', 'c')];

/** `begun` resolves when the first call of this kind begins; `answer` lets that call be answered. */
function hold({ cores }: Signalling, wanted: string) {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  cores.answer = (call) => {
    if (call !== wanted) return;
    cores.answer = () => undefined;
    begun.resolve();
    return gate.promise;
  };
  return { begun: begun.promise, answer: gate.resolve, fail: gate.reject };
}

/** A stage where only `a` has its port open, and one of its calls is under way. */
async function during(call: string) {
  const stage = new Signalling();
  const held = hold(stage, call);
  const show = (world: ReturnType<typeof worldOf>) => {
    const isOpen = (process: string) => !/^pod-[b-d]\//.test(process) && stage.signaller.mayListen(process);
    stage.signaller.offer(scopeOf(world, isOpen));
  };
  show(worldOf({ ...TWO, c: {} }));
  await held.begun;
  return { stage, held, show };
}

/** The timers of a stage that are neither over nor cancelled. */
function timersOf({ clock }: Signalling): ReadonlySet<object> {
  const timers = new Set<object>();
  const after = clock.after.bind(clock);
  clock.after = (ms, fn) => {
    const timer = {};
    timers.add(timer);
    const cancel = after(ms, () => {
      timers.delete(timer);
      fn();
    });
    return () => {
      timers.delete(timer);
      cancel();
    };
  };
  return timers;
}

const settlesNow = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  for (let turns = 0; turns < 5; turns += 1) await turn();
  return settled;
};

describe('stopping the signaller', () => {
  it('waits for the call under way, whichever it is, and begins no further call', async () => {
    for (const [index, call] of VISIT.entries()) {
      const { stage, held } = await during(call);
      const stopped = stage.signaller.stop();
      assert.equal(await settlesNow(stopped), false, call);
      held.answer();
      await stopped;
      await stage.pass(3_600_000);
      assert.deepEqual(stage.cores.calls, VISIT.slice(0, index + 1));
    }
  });

  it('leaves no metrics series and no known connection, and does not wake the leader', async () => {
    const { stage, held } = await during(VISIT[1] ?? '');
    const stopped = stage.signaller.stop();
    held.answer();
    await stopped;
    assert.deepEqual([stage.changes, stage.signaller.connections.size], [0, 0]);
    assert.doesNotMatch(await stage.metrics.render(), /^stellar_peers_(core_ports|synced|\w+_peers)\{/m);
  });

  it('leaves no timer; before that, there is never more than one timer', async () => {
    const stage = new Signalling();
    const timers = timersOf(stage);
    for (const name of ['c', 'd', 'e']) {
      await stage.offer(worldOf({ ...TWO, [name]: {} }));
      assert.equal(timers.size, 1);
    }
    const { length } = stage.cores.calls;
    await stage.signaller.stop();
    assert.equal(timers.size, 0);
    for (let minutes = 0; minutes < 10; minutes += 1) await stage.pass(60_000);
    assert.deepEqual([stage.cores.calls.length, timers.size], [length, 0]);
  });
});

describe('a pod that is replaced during a call', () => {
  const next = worldOf({ ...TWO, c: {} }, { a: { uid: 'another', ip: ipOf('x') } });

  it('gets no further call, and the next pod is asked and told everything', async () => {
    for (const [index, call] of VISIT.entries()) {
      const { stage, held, show } = await during(call);
      show(next);
      held.answer();
      await stage.settled();
      const callsTo = (name: string) => stage.cores.calls.filter((each) => each.startsWith(`${ipOf(name)} `));
      assert.deepEqual(callsTo('a'), VISIT.slice(0, index + 1));
      assert.deepEqual(
        callsTo('x'),
        VISIT.map((each) => each.replace(ipOf('a'), ipOf('x'))),
      );
      await stage.signaller.stop();
    }
  });

  it('causes no warning, and no delay for the next pod', async () => {
    for (const error of [refusal(), new CoreError('failed', 'reset')]) {
      const { stage, held, show } = await during(VISIT[0] ?? '');
      show(next);
      held.fail(error);
      await stage.settled();
      assert.deepEqual(stage.log.with(/failed|not open/), []);
      assert.equal(stage.cores.told().length, 2);
      await stage.signaller.stop();
    }
  });

  it('is told once, by the visit that still counts, if the pod only seemed to be gone', async () => {
    const { stage, held, show } = await during(VISIT[0] ?? '');
    show(worldOf({ ...TWO, c: {} }, { a: { running: false } }));
    show(worldOf({ ...TWO, c: {} }));
    await turn();
    held.answer();
    await stage.settled();
    assert.deepEqual(stage.cores.told(), VISIT.slice(2));
  });
});

describe('a change during a call', () => {
  it('is told in the same visit if a peer joins or moves, but not if a peer leaves', async () => {
    const { stage, held, show } = await during(VISIT[0] ?? '');
    show(worldOf({ ...TWO, d: {} }, { b: { ip: ipOf('x') } }));
    held.answer();
    await stage.settled();
    assert.deepEqual(stage.cores.told(), [tells('a', 'x'), tells('a', 'd')]);
  });

  it('is told right after the visit if it comes while the validator is being told of peers', async () => {
    const { stage, held, show } = await during(VISIT[2] ?? '');
    show(worldOf({ ...TWO, d: {} }));
    held.answer();
    await stage.settled();
    assert.deepEqual(stage.cores.told(), [tells('a', 'b'), tells('a', 'd')]);
  });

  it('stops the visit if it pauses the validator, until the pause ends', async () => {
    const { stage, held, show } = await during(VISIT[2] ?? '');
    show(worldOf({ ...TWO, a: PAUSED, c: {} }));
    held.answer();
    await stage.settled();
    await stage.pass(POLL_MS);
    assert.deepEqual(stage.cores.told(), [tells('a', 'b')]);
    show(worldOf({ ...TWO, c: {} }));
    await stage.settled();
    assert.deepEqual(stage.cores.told(), VISIT.slice(2));
  });
});

describe('validators that do not answer', () => {
  for (const [what, stays] of [
    ['however many they are', () => true],
    ['though their pods are gone', (name: string) => name >= 'i'],
  ] as const) {
    it(`of one namespace delay those of another namespace by one call, ${what}`, async () => {
      const stage = new Signalling();
      const gates: Array<() => void> = [];
      const isFree = (call: string) => call.startsWith(`${ipOf('a')} `);
      stage.cores.answer = () => new Promise<void>((resolve) => gates.push(resolve));
      const of = { namespace: 'mallory' };
      const theirs = { node: of, statefulSet: of, pod: of };
      const all = [...'abcdefghijklmnop'];
      const those = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, theirs]));
      stage.signaller.offer(scopeOf(worldOf(those(all))));
      stage.clock.advance(1_000);
      stage.signaller.offer(scopeOf(worldOf({ ...those(all.filter(stays)), z: {} })));
      stage.cores.answer = (call) =>
        isFree(call) ? undefined : new Promise<void>((resolve) => gates.push(resolve));
      gates[0]?.();
      for (let turns = 0; turns < 100; turns += 1) await turn();
      const [next] = stage.cores.calls.slice(8).filter((call) => !isFree(call));
      assert.equal(next, `${ipOf('z')} peers`);
      stage.cores.answer = () => undefined;
      for (const letGo of gates) letGo();
      await stage.settled();
      await stage.signaller.stop();
    });
  }

  it('keep eight calls busy; the next call waits until one of these ends', async () => {
    const stage = new Signalling();
    const gates: Array<() => void> = [];
    stage.cores.answer = () => new Promise<void>((resolve) => gates.push(resolve));
    const many = Object.fromEntries(Array.from('abcdefghijklmnopqrst', (name) => [name, {}]));
    const world = worldOf(many);
    for (let times = 0; times < 3; times += 1) {
      stage.signaller.offer(scopeOf(world));
      for (let turns = 0; turns < 5; turns += 1) await turn();
      assert.equal(stage.cores.calls.length, 8);
    }
    stage.clock.advance(600_000);
    for (let turns = 0; turns < 5; turns += 1) await turn();
    assert.equal(stage.cores.calls.length, 8, 'time alone begins no ninth');
    stage.cores.answer = () => undefined;
    gates[0]?.();
    for (let turns = 0; turns < 500; turns += 1) await turn();
    // The twelve others were called one by one in the one place that became free.
    assert.equal(new Set(stage.cores.calls.map((call) => call.split(' ')[0])).size, 20);
    for (const letGo of gates) letGo();
    await stage.settled();
    assert.equal(stage.cores.mostUnderWay, 8);
    assert.equal(new Set(stage.cores.told()).size, (20 * 19) / 2);
    assert.equal(stage.cores.told().length, (20 * 19) / 2);
    await stage.signaller.stop();
  });
});
