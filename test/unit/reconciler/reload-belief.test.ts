/** A validator whose sidecar tells it of new peers: which restarts this replaces, for how long, and which it does not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { World } from '../../../peers/world.ts';
import {
  at,
  digest,
  NOW_MS,
  networkWorld,
  type PlanOptions,
  planOf as planIn,
  type Spec,
  withPod,
  withShown,
} from './group.ts';

const SIDECAR = { pod: { sidecar: at(3_600) } };
const PUBLIC = { spec: { network: 'testnet', customNetworkPassphrase: undefined } };
const TOLD_MS = 300_000;
const DEADLINE_MS = 1_800_000;

/** The plan so many ms after the lists were published. */
const planAfter = (ms: number, world: World, options: PlanOptions = {}) =>
  planIn(world, {
    ...options,
    nowMs: NOW_MS + ms,
    settings: { quorumUnknown: 'warn', ...options.settings },
  });

/** `a` lacks `c`; its pod has a sidecar. */
const short = (change: Spec = {}): World =>
  networkWorld({ a: { knows: ['b'], ...SIDECAR, ...change }, b: {}, c: {} });

/** `a` knows only `gone`, which does not exist any more. */
const isolated = (change: Spec = {}): World =>
  networkWorld({ a: { knows: ['gone'], ...SIDECAR, ...change }, b: {}, c: {} });

/** What the port of `a` has shown. */
const shown = (world: World, seen: readonly string[], apart: readonly string[]): World =>
  withShown(world, { 'pod-a': { seen: seen.map(digest), apart: apart.map(digest) } });

const verdictOf = ({ restart, holds, recheckInMs }: ReturnType<typeof planIn>) => [
  restart ?? holds.a,
  recheckInMs,
];

describe('a validator that is told of a peer while it runs', () => {
  it('is not restarted while the sidecar tells it, and is planned again when that time is over', () => {
    assert.deepEqual(verdictOf(planAfter(0, short())), ['Telling', TOLD_MS]);
    assert.deepEqual(verdictOf(planAfter(TOLD_MS - 1, short())), ['Telling', 1]);
  });

  it('counts as linked afterwards, under each rule except `all`', () => {
    assert.equal(planAfter(TOLD_MS, short()).holds.a, 'Told');
    assert.equal(planAfter(10 * DEADLINE_MS, short()).holds.a, 'Told');
    const unlinked = networkWorld({
      a: { knows: ['b'], node: PUBLIC, ...SIDECAR },
      b: { node: PUBLIC },
      c: { knows: ['b'], node: PUBLIC },
    });
    const { restart, holds } = planAfter(TOLD_MS, unlinked);
    assert.deepEqual([restart, holds], ['bump c', { a: 'Told' }], 'believed for its own pod alone');
    assert.equal(planAfter(TOLD_MS, short(), { settings: { rollFor: 'all' } }).restart, 'bump a');
  });

  it('is restarted as usual if its pod has no sidecar', () => {
    assert.equal(planAfter(TOLD_MS, short({ pod: {} })).restart, 'bump a');
  });

  it('is restarted as usual if its sidecar crashes again and again', () => {
    const waiting = { restartCount: 5, state: { waiting: { reason: 'CrashLoopBackOff' } } };
    const running = { restartCount: 5, state: { running: { startedAt: at(-TOLD_MS / 1000) } } };
    for (const sidecar of [waiting, running])
      assert.equal(planAfter(TOLD_MS + 1_000, short({ pod: { sidecar } })).restart, 'bump a');
  });

  it('is told again by a sidecar that was restarted once, and is not restarted in case of doubt', () => {
    const again = { restartCount: 1, state: { running: { startedAt: at(-60) } } };
    const plan = planAfter(TOLD_MS, short({ pod: { sidecar: again } }));
    assert.deepEqual(verdictOf(plan), ['Telling', 60_000]);
    const ended = { restartCount: 1, state: { terminated: { exitCode: 137 } } };
    assert.equal(planAfter(TOLD_MS, short({ pod: { sidecar: ended } })).holds.a, 'Telling');
  });

  it('counts as told, whatever the clock of its kubelet shows', () => {
    const ahead = { pod: { sidecar: at(-86_400) } };
    assert.equal(planAfter(TOLD_MS, short(ahead)).holds.a, 'Telling');
    assert.equal(planAfter(DEADLINE_MS, short(ahead)).holds.a, 'Told');
  });

  it('is restarted if its open port shows after that time that it is still not connected', () => {
    assert.equal(planAfter(TOLD_MS, shown(short(), ['b'], ['c'])).restart, 'bump a');
    assert.equal(planAfter(0, shown(short(), ['b'], ['c'])).holds.a, 'Telling', 'but it is told first');
  });

  it('does not count as told if it drops peers that it does not prefer', () => {
    const world = withPod(short(), 'a', { mergeOutcome: { code: 'PeersIgnored', detail: '' } });
    assert.equal(planAfter(TOLD_MS, world).holds.a, 'PeersIgnored');
  });

  it('counts as told even if its configuration took no peers', () => {
    const world = withPod(short(), 'a', { mergeOutcome: { code: 'BothTaken', detail: '' } });
    assert.equal(planAfter(TOLD_MS, world).holds.a, 'Told');
  });
});

describe('an isolated validator with a sidecar', () => {
  it('is restarted at the deadline; until then the wait is reported', () => {
    assert.deepEqual(verdictOf(planAfter(0, isolated())), ['Telling', TOLD_MS]);
    assert.deepEqual(verdictOf(planAfter(TOLD_MS, isolated())), ['Telling', DEADLINE_MS - TOLD_MS]);
    assert.equal(planAfter(DEADLINE_MS - 1, isolated()).restart, undefined);
    assert.equal(planAfter(DEADLINE_MS, isolated()).restart, 'bump a');
  });

  it('is restarted at the deadline, however often its sidecar was restarted', () => {
    const again = { restartCount: 1, state: { running: { startedAt: at(-DEADLINE_MS / 1000 + 10) } } };
    const plan = planAfter(DEADLINE_MS, isolated({ pod: { sidecar: again } }));
    assert.equal(plan.restart, 'bump a');
  });

  it('is restarted at the deadline of the first peer, however often the list has changed since', () => {
    const listed = (ms: number, made = 7_200) => {
      const world = isolated({ pod: { ...SIDECAR.pod, createdAt: at(made) } });
      const listedSinceMs = (node: string, peers: readonly string[]) =>
        node === 'stellar/a' && peers.includes(digest('b')) ? NOW_MS - ms : NOW_MS;
      return planAfter(0, world, { listedSinceMs });
    };
    assert.deepEqual(verdictOf(listed(DEADLINE_MS - 60_000)), ['Telling', 60_000]);
    assert.equal(listed(DEADLINE_MS).restart, 'bump a');
    assert.equal(listed(DEADLINE_MS, 1_200).holds.a, 'Telling', 'a pod that was made since has its own time');
    assert.equal(
      planAfter(0, short(), { listedSinceMs: () => 0 }).holds.a,
      'Telling',
      'only an isolated one',
    );
  });

  it('is not deleted if only its sidecar is down', () => {
    const state = { waiting: { reason: 'CrashLoopBackOff' } };
    const down = { ready: false, sidecar: { restartCount: 5, state } };
    const planWith = (coreReady: boolean) =>
      planAfter(DEADLINE_MS, isolated({ pod: { ...down, coreReady } }));
    assert.deepEqual([planWith(true).restart, planWith(true).holds.a], [undefined, 'NotAllReady']);
    assert.equal(planWith(false).restart, 'delete a');
  });

  it('is left alone if its port has shown a connection to a running peer', () => {
    assert.equal(planAfter(DEADLINE_MS, shown(isolated(), ['b'], [])).holds.a, 'Told');
    assert.equal(planAfter(DEADLINE_MS, shown(isolated(), ['gone'], [])).restart, 'bump a');
  });

  it('is restarted before the deadline if its port shows that it is connected to no peer', () => {
    assert.equal(planAfter(TOLD_MS, shown(isolated(), [], ['b', 'c'])).restart, 'bump a');
  });
});

describe('each strategy', () => {
  const asked = (strategy: string, make = short, change: Spec = {}) =>
    make({ node: { annotations: { 'stellar.org/peer-rollout': strategy } }, ...change });

  it('Signal never restarts a validator, and reports whether the sidecar has told it', () => {
    assert.equal(planAfter(0, asked('Signal')).holds.a, 'Telling');
    assert.equal(planAfter(TOLD_MS, asked('Signal')).holds.a, 'Told');
    assert.equal(planAfter(DEADLINE_MS, asked('Signal', isolated)).holds.a, 'SignalledInstead');
    assert.equal(planAfter(TOLD_MS, asked('Signal', short, { pod: {} })).holds.a, 'SignalledInstead');
  });

  it('OnRestart neither relies on the sidecar nor restarts a validator', () => {
    for (const ms of [0, TOLD_MS, DEADLINE_MS]) {
      assert.equal(planAfter(ms, asked('OnRestart')).holds.a, 'OnRestart');
      assert.equal(planAfter(ms, asked('OnRestart', isolated)).holds.a, 'OnRestart');
    }
  });

  it('a pause holds a restart only for peers that the sidecar has not told', () => {
    assert.equal(planAfter(TOLD_MS, asked('paused')).holds.a, 'Told');
    assert.equal(planAfter(DEADLINE_MS, asked('paused', isolated)).holds.a, 'Paused');
  });
});

describe('the sidecar itself', () => {
  const all = { a: {}, b: {}, c: {} };

  it('is no reason to restart pods without a sidecar, or pods with a sidecar if sidecars are turned off', () => {
    for (const change of [{}, SIDECAR]) {
      const world = networkWorld({ ...all, a: change });
      const { restart, holds } = planAfter(DEADLINE_MS, world);
      assert.deepEqual([restart, holds], [undefined, {}]);
    }
  });

  it('of one validator causes no restart of another validator, and holds none', () => {
    const world = networkWorld({ a: { knows: ['b'], ...SIDECAR }, b: { knows: ['a'] }, c: {} });
    const { restart, holds } = planAfter(0, world);
    assert.deepEqual([restart, holds], ['bump b', { a: 'Telling' }]);
  });
});
