/** Telling running validators about peers: each peer once, to few at a time, and nothing if no server listens. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CoreError } from '../../../runtime/core-client.ts';
import type { Spec } from './group.ts';
import { ipOf, POLL_MS, refusal, Signalling, worldOf } from './signalling.ts';

const TWO: Readonly<Record<string, Spec>> = { a: {}, b: {} };
const FOLLOW_UP_MS = 5_000;
const asked = (name: string) => [`${ipOf(name)} peers`, `${ipOf(name)} info`];
const tells = (name: string, peer: string, port = 11_625) => `${ipOf(name)} connect ${ipOf(peer)}:${port}`;

describe('signals', () => {
  it('ask first, tell one end of each pair once, and check a little later whether the pair is connected', async () => {
    const stage = new Signalling();
    await stage.offer(worldOf(TWO));
    assert.deepEqual(stage.cores.calls.sort(), [...asked('a'), ...asked('b'), tells('b', 'a')].sort());
    await stage.offer(worldOf(TWO));
    assert.equal(stage.cores.calls.length, 5, 'the same again is no news');
    await stage.pass(FOLLOW_UP_MS);
    assert.equal(stage.cores.calls.length, 7);
    assert.deepEqual(stage.cores.told(), [tells('b', 'a')]);
  });

  it('tell the other end one poll later if the first end could not connect', async () => {
    const stage = new Signalling();
    await stage.offer(worldOf(TWO));
    stage.cores.connected.clear();
    await stage.pass(POLL_MS);
    assert.ok(stage.cores.told().includes(tells('a', 'b')));
  });

  it('tell the other end at once if the first end does not answer', async () => {
    const stage = new Signalling();
    stage.cores.answer = (call) => {
      if (call.startsWith(`${ipOf('b')} `)) throw refusal();
    };
    await stage.offer(worldOf(TWO));
    assert.deepEqual(stage.cores.told(), []);
    assert.ok(stage.changes > 0, 'the leader looks again');
    await stage.offer(worldOf(TWO));
    assert.deepEqual(stage.cores.told(), [tells('a', 'b')]);
  });

  it('tell the other peers at once if stellar-core cannot resolve one peer, and tell this peer again later', async () => {
    const stage = new Signalling();
    const exception = new CoreError('declined', 'the answer is "Host not found"');
    stage.cores.answer = (call) => {
      if (call === tells('d', 'a')) throw exception;
    };
    await stage.offer(worldOf({ a: {}, b: {}, c: {}, d: {} }));
    const byFourth = () => stage.cores.told().filter((call) => call.startsWith(ipOf('d')));
    assert.deepEqual(byFourth(), [tells('d', 'a'), tells('d', 'b'), tells('d', 'c')]);
    const warnings = stage.log.with(/did not take a signal/).map(({ fields }) => fields);
    assert.deepEqual(warnings, [{ error: exception, pod: 'stellar/d-0', peer: `${ipOf('a')}:11625` }]);
    await stage.pass(POLL_MS);
    assert.deepEqual(byFourth().slice(3), [tells('d', 'a')]);
  });

  it('tell a new process everything again', async () => {
    const stage = new Signalling();
    await stage.offer(worldOf(TWO));
    stage.cores.connected.clear();
    stage.cores.calls.length = 0;
    await stage.offer(worldOf(TWO, { b: { containerRestarts: 1 } }));
    assert.deepEqual(stage.cores.told(), [tells('a', 'b')], 'by the end that is known to be open');
  });
});

describe('a port that refuses', () => {
  const closed = async (change: Record<string, object> = {}) => {
    const stage = new Signalling();
    stage.cores.answer = (call) => {
      if (call.startsWith(`${ipOf('a')} `)) throw refusal();
    };
    await stage.offer(worldOf(TWO, change));
    for (let times = 0; times < 8; times += 1) await stage.pass(60_000);
    return stage;
  };
  const callsTo = ({ cores }: Signalling, name: string) =>
    cores.calls.filter((call) => call.startsWith(`${ipOf(name)} `)).length;

  it('is closed after three refusals while the pod is Ready: it is reported once, and not called again', async () => {
    const stage = await closed();
    assert.equal(callsTo(stage, 'a'), 3);
    assert.deepEqual([...stage.signaller.closedNodes], ['stellar/a']);
    assert.equal(stage.signaller.mayListen('pod-a/0'), false);
    assert.equal(stage.log.with(/closed to us/).length, 1);
    assert.equal(stage.log.with(/a signal failed/).length, 0);
    const page = await stage.metrics.render();
    assert.match(page, /stellar_peers_core_ports\{state="closed"\} 1/);
    assert.match(page, /stellar_peers_core_ports\{state="unknown"\} 0/);
  });

  it('is tried again when the validator has a new process', async () => {
    const stage = await closed();
    stage.cores.answer = () => undefined;
    await stage.offer(worldOf(TWO, { a: { uid: 'another' } }));
    assert.ok(stage.cores.calls.includes(`${ipOf('a')} info`));
    assert.deepEqual([...stage.signaller.closedNodes], []);
  });
});

describe('signals that fail for another reason', () => {
  it('are logged once for each series of failures, counted, and tried again', async () => {
    const stage = new Signalling();
    stage.cores.answer = (call) => {
      if (call.includes('connect')) throw new CoreError('failed', 'too late');
    };
    await stage.offer(worldOf(TWO));
    assert.equal(stage.log.with(/a signal failed/).length, 1);
    assert.match(await stage.metrics.render(), /stellar_peers_signals_total\{result="failed"\} 1/);
    stage.cores.answer = () => undefined;
    await stage.pass(60_000 + POLL_MS);
    assert.ok(stage.cores.told().length > 1);
  });
});
