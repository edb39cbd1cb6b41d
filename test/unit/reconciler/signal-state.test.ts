/** What is remembered of one process, and when it is called next. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  dialsToSignal,
  evidenceOf,
  newState,
  noteAnswer,
  noteDeclined,
  noteFailure,
  noteSignalled,
  noteVisit,
  refresh,
  type SignalState,
} from '../../../reconciler/plan/signals/signal-state.ts';
import type { Dial, SignalTarget } from '../../../reconciler/plan/signals/signal-targets.ts';

const POLL_MS = 60_000;
const HOUR_MS = 3_600_000;
const NEVER = Number.POSITIVE_INFINITY;

const dialTo = (host: string): Dial => ({ address: `${host}:11625`, host, port: 11_625 });
const B = dialTo('10.0.0.2');
const C = dialTo('10.0.0.3');

const target = (change: Partial<SignalTarget> = {}): SignalTarget => {
  const dials = change.dials ?? [B, C];
  return {
    process: 'pod-a/0',
    uid: 'pod-a',
    pod: 'stellar/a-0',
    node: 'stellar/a',
    host: '10.0.0.1',
    ready: true,
    muted: false,
    dials,
    expected: dials.map(({ address, host }) => ({ digest: host, addresses: [address], process: host })),
    ...change,
  };
};

const answer = (state: SignalState, dials: readonly Dial[], nowMs: number, synced = true) =>
  noteAnswer(state, new Set(dials.map(({ address }) => address)), { synced }, nowMs);

const hostsToTell = (state: SignalState, nowMs: number) =>
  dialsToSignal(state, nowMs, POLL_MS).map(({ host }) => host);

/** One visit in which everything goes well; returns whom it told of, by host. */
function visit(state: SignalState, connected: readonly Dial[], nowMs: number, pollMs = POLL_MS): string[] {
  answer(state, connected, nowMs);
  const dials = dialsToSignal(state, nowMs, pollMs);
  for (const dial of dials) noteSignalled(state, dial, nowMs);
  noteVisit(state, nowMs, { pollMs, told: dials.length });
  return dials.map(({ host }) => host);
}

/** A state that was told of `B` and `C` at 0 and is connected to both. */
function settled(change: Partial<SignalTarget> = {}): SignalState {
  const state = newState(target(change), 0);
  visit(state, [], 0);
  visit(state, state.target.dials, 5_000);
  return state;
}

describe('a process that is not known', () => {
  it('is due at once', () => {
    const state = newState(target(), 7);
    assert.deepEqual([state.phase, state.dueAtMs, state.connection], ['unknown', 7, undefined]);
  });

  it('that answers is open, is told of all peers, and is called again after 5 s, then at each poll', () => {
    const state = newState(target(), 0);
    assert.deepEqual(visit(state, [], 0), [B.host, C.host]);
    assert.deepEqual([state.phase, state.dueAtMs], ['open', 5_000]);
    assert.deepEqual(visit(state, [B, C], 5_000), []);
    assert.equal(state.dueAtMs, 5_000 + POLL_MS);
  });

  it('is not told of peers to which it is already connected', () => {
    assert.deepEqual(visit(newState(target(), 0), [B], 0), [C.host]);
  });

  it('is looked at no later than at the poll, and never by itself without one', () => {
    const often = newState(target(), 0);
    visit(often, [], 0, 2_000);
    assert.equal(often.dueAtMs, 2_000);
    const never = newState(target(), 0);
    visit(never, [], 0, 0);
    assert.equal(never.dueAtMs, NEVER);
  });
});

describe('the connection of a process', () => {
  it('counts the peers that it should know, under any of their addresses, and no other', () => {
    const expected = [['b.example:11625', B.address], [C.address], ['10.0.0.4:11625']].map((addresses) => ({
      ...{ digest: addresses.join(), addresses, process: undefined },
    }));
    const state = newState(target({ expected }), 0);
    answer(state, [B, dialTo('10.0.0.9')], 0, false);
    assert.deepEqual(state.connection, { connected: 1, expected: 3, synced: false });
  });

  it('is not known once a call failed', () => {
    const state = settled();
    assert.equal(state.connection?.connected, 2);
    noteFailure(state, false, 10_000);
    assert.equal(state.connection, undefined);
  });
});

describe('what a process was told', () => {
  it('is not told again, however often the same is offered', () => {
    const state = settled();
    const { dueAtMs } = state;
    for (let nowMs = 6_000; nowMs < 60_000; nowMs += 1_000) refresh(state, target(), nowMs);
    assert.equal(state.dueAtMs, dueAtMs);
    assert.deepEqual(hostsToTell(state, 60_000), []);
  });

  it('is told at once of a peer at a new address, and only of that', () => {
    const state = settled();
    const moved = dialTo('10.0.1.2');
    refresh(state, target({ dials: [moved, C] }), 20_000);
    assert.equal(state.dueAtMs, 20_000);
    assert.deepEqual(visit(state, [C], 20_000), [moved.host]);
  });

  it('is forgotten for a peer that left, so the process is told again when the peer comes back', () => {
    const state = settled();
    refresh(state, target({ dials: [C] }), 20_000);
    assert.equal(state.dueAtMs, 5_000 + POLL_MS, 'who left is no news');
    refresh(state, target(), 30_000);
    assert.deepEqual([state.dueAtMs, visit(state, [C], 30_000)], [30_000, [B.host]]);
  });

  it('is repeated twice, a poll apart, if the peer does not get connected', () => {
    const state = newState(target({ dials: [B] }), 0);
    const toldAtMs: number[] = [];
    for (let nowMs = 0; nowMs < HOUR_MS; nowMs = state.dueAtMs) {
      if (visit(state, [], nowMs).length > 0) toldAtMs.push(nowMs);
    }
    assert.equal(toldAtMs.length, 3);
    const [first = 0, second = 0, third = 0] = toldAtMs;
    assert.ok(second - first >= POLL_MS && third - second >= POLL_MS, toldAtMs.join());
  });

  it('is not repeated to a validator with eight connections, nor as a name, which never shows as it was told', () => {
    const dials = Array.from({ length: 12 }, (_, index) => dialTo(`10.0.2.${index}`));
    const full = newState(target({ dials }), 0);
    visit(full, [], 0);
    answer(full, dials.slice(0, 8), POLL_MS);
    assert.deepEqual(hostsToTell(full, HOUR_MS), []);
    answer(full, dials.slice(0, 7), POLL_MS);
    assert.equal(hostsToTell(full, HOUR_MS).length, 5);
    const named = newState(target({ dials: [dialTo('core.example.org')] }), 0);
    visit(named, [], 0);
    assert.deepEqual(hostsToTell(named, HOUR_MS), []);
  });

  it('is left to a peer that dials itself for a poll, and is news where that peer can be told no more', () => {
    const yielding = { ...B, yields: true };
    const state = newState(target({ dials: [yielding, C] }), 0);
    assert.deepEqual(visit(state, [], 0), [C.host]);
    assert.notEqual(state.dueAtMs, 0, 'it is no news');
    answer(state, [C], POLL_MS - 1);
    assert.deepEqual(hostsToTell(state, POLL_MS - 1), []);
    assert.deepEqual(hostsToTell(state, POLL_MS), [B.host]);
    refresh(state, target({ dials: [B, C] }), 2_000);
    assert.deepEqual([state.dueAtMs, hostsToTell(state, 2_000)], [2_000, [B.host]]);
  });

  it('is told again if another process runs at the same address', () => {
    const state = newState(target({ dials: [{ ...B, process: 'b/0' }] }), 0);
    visit(state, [B], 0);
    refresh(state, target({ dials: [{ ...B, process: 'b/1' }] }), 20_000);
    assert.deepEqual([state.dueAtMs, visit(state, [], 20_000)], [20_000, [B.host]]);
  });

  it('is repeated as a name too, where stellar-core did not take it', () => {
    const name = dialTo('core.example.org');
    const state = newState(target({ dials: [name] }), 0);
    visit(state, [], 0);
    noteDeclined(state, name);
    assert.deepEqual(hostsToTell(state, POLL_MS - 1), []);
    assert.deepEqual(hostsToTell(state, POLL_MS), [name.host]);
  });

  it('comes after what was never told', () => {
    const state = newState(target({ dials: [B] }), 0);
    visit(state, [], 0);
    refresh(state, target({ dials: [B, C] }), HOUR_MS);
    answer(state, [], HOUR_MS);
    assert.deepEqual(hostsToTell(state, HOUR_MS), [C.host, B.host]);
  });

  it('is nothing while the target is muted; the missed peers are told as soon as this ends', () => {
    const state = newState(target({ muted: true }), 0);
    assert.deepEqual(visit(state, [], 0), []);
    assert.equal(state.dueAtMs, POLL_MS, 'asked at the ordinary rate');
    refresh(state, target(), 20_000);
    assert.deepEqual([state.dueAtMs, visit(state, [], 20_000)], [20_000, [B.host, C.host]]);
  });

  it('includes peers that became known during a visit, as soon as the visit ends', () => {
    const state = newState(target({ dials: [B] }), 0);
    answer(state, [], 0);
    noteSignalled(state, B, 0);
    refresh(state, target(), 10);
    noteVisit(state, 20, { pollMs: 0, told: 1 });
    assert.equal(state.dueAtMs, 20);
  });
});

describe('a process whose calls fail', () => {
  it('is tried after 5 s, 10 s, and so on up to 5 min', () => {
    const state = newState(target(), 0);
    const delaysMs = Array.from({ length: 9 }, () => {
      noteFailure(state, false, 1_000);
      return state.dueAtMs - 1_000;
    });
    assert.deepEqual(
      delaysMs,
      [5, 10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => seconds * 1_000),
    );
    for (let times = 0; times < 2_000; times += 1) noteFailure(state, false, 0);
    assert.equal(state.dueAtMs, 300_000);
  });

  it('begins at 5 s again after it answered', () => {
    const state = newState(target(), 0);
    for (let times = 0; times < 5; times += 1) noteFailure(state, false, 0);
    visit(state, [], 100_000);
    noteFailure(state, false, 200_000);
    assert.equal(state.dueAtMs, 205_000);
  });

  it('is not called sooner when there is a new peer to tell', () => {
    const state = settled();
    noteFailure(state, false, 10_000);
    refresh(state, target({ dials: [B, C, dialTo('10.0.0.4')] }), 11_000);
    assert.equal(state.dueAtMs, 15_000);
  });

  it('is never marked closed while something answers at its port', () => {
    const state = newState(target(), 0);
    for (let times = 0; times < 100; times += 1) noteFailure(state, false, 0);
    assert.equal(state.phase, 'unknown');
    const open = settled();
    for (let times = 0; times < 100; times += 1) noteFailure(open, true, 0);
    assert.equal(open.phase, 'open');
  });
});

describe('a process that refuses', () => {
  const refuse = (state: SignalState, times: number, nowMs = 0) => {
    for (let count = 0; count < times; count += 1) noteFailure(state, true, nowMs);
    return state;
  };

  it('three times while Ready is closed, and never due again, whatever there is to tell', () => {
    const state = refuse(newState(target(), 0), 2);
    assert.deepEqual([state.phase, state.dueAtMs], ['unknown', 10_000]);
    refuse(state, 1);
    refresh(state, target({ dials: [dialTo('10.0.0.4')] }), 1_000);
    refresh(state, target({ ready: false }), 2_000);
    refresh(state, target(), 3_000);
    assert.deepEqual([state.phase, state.dueAtMs], ['closed', NEVER]);
  });

  it('while not Ready is not counted, and called at once when it is Ready, from 5 s on', () => {
    const state = refuse(newState(target({ ready: false }), 0), 20);
    assert.deepEqual([state.phase, state.dueAtMs], ['unknown', 300_000]);
    refresh(state, target(), 1_000);
    assert.equal(state.dueAtMs, 1_000);
    refuse(state, 1, 1_000);
    assert.deepEqual([state.phase, state.dueAtMs], ['unknown', 6_000]);
    refuse(state, 2, 6_000);
    assert.equal(state.phase, 'closed');
  });

  it('is not called sooner for being Ready as before', () => {
    const state = refuse(newState(target(), 0), 2);
    refresh(state, target(), 1_000);
    assert.equal(state.dueAtMs, 10_000);
  });
});

describe('what a process shows of its links', () => {
  const MINUTE_MS = 60_000;
  const apartAfter = (minutes: readonly number[], change: (state: SignalState, minute: number) => void) => {
    const state = newState(target(), 0);
    for (const minute of minutes) {
      change(state, minute);
      answer(state, [B], minute * MINUTE_MS);
    }
    return evidenceOf(state, POLL_MS).apart;
  };
  const none = () => undefined;

  it('is each peer that it was ever connected to', () => {
    const state = newState(target(), 0);
    answer(state, [B], 0);
    answer(state, [], 1);
    noteFailure(state, false, 2);
    assert.deepEqual(evidenceOf(state, POLL_MS).seen, [B.host]);
  });

  it('is a running peer that each answer of ten minutes lacks', () => {
    assert.deepEqual(apartAfter([0, 5, 9], none), []);
    assert.deepEqual(apartAfter([0, 5, 10], none), [C.host]);
  });

  it('is nothing by time alone, while no answer comes, nor across one that failed', () => {
    const state = newState(target(), 0);
    answer(state, [B], 0);
    assert.deepEqual(evidenceOf(state, POLL_MS).apart, []);
    const failing = (at: SignalState, minute: number) => minute === 5 && noteFailure(at, false, 0);
    assert.deepEqual(apartAfter([0, 5, 10], failing), []);
    const last = newState(target(), 0);
    answer(last, [B], 0);
    answer(last, [B], 10 * MINUTE_MS);
    noteFailure(last, false, 11 * MINUTE_MS);
    assert.deepEqual(evidenceOf(last, POLL_MS).apart, [], 'and nothing any more once it stops');
  });

  it('is what it says of itself, while it answers and is asked every few minutes', () => {
    const state = newState(target(), 0);
    assert.equal(evidenceOf(state, POLL_MS).state, undefined);
    answer(state, [B], 0);
    assert.equal(evidenceOf(state, POLL_MS).state?.synced, true);
    for (const pollMs of [0, HOUR_MS]) assert.equal(evidenceOf(state, pollMs).state, undefined);
    noteFailure(state, false, 1);
    assert.equal(evidenceOf(state, POLL_MS).state, undefined);
  });

  it('is nothing of a peer that started meanwhile, does not run, or may show under another address', () => {
    const peers = (process: string | undefined) => [{ digest: C.host, addresses: [C.address], process }];
    const restarted = (state: SignalState, minute: number) =>
      refresh(state, target({ expected: peers(`c/${minute > 5 ? 1 : 0}`) }), 0);
    assert.deepEqual(apartAfter([0, 5, 10], restarted), []);
    const unknown = (state: SignalState) => refresh(state, target({ expected: peers(undefined) }), 0);
    assert.deepEqual(apartAfter([0, 5, 10], unknown), []);
  });
});

it('of an answer only the addresses of wanted peers are kept, however many it names', () => {
  const state = newState(target(), 0);
  const others = Array.from({ length: 1_000 }, (_, index) => dialTo(`10.1.${index >> 8}.${index & 255}`));
  answer(state, [...others, B], 0);
  assert.deepEqual([...state.peers], [B.address]);
});
