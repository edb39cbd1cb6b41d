/** StatefulSets with several pods: each pod is judged by what it lacks itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPod } from '../../../peers/read/workload.ts';
import type { World } from '../../../peers/world.ts';
import { formatJournal } from '../../../reconciler/plan/journal/journal.ts';
import { pod } from '../world.ts';
import { at, NOW_MS, networkWorld, planOf, type Spec, stamp } from './group.ts';

type PodOptions = NonNullable<Parameters<typeof pod>[1]>;
const ALL = stamp(['b']);
const BARE: PodOptions = { injected: false, annotations: {} };
const LONELY: PodOptions = { annotations: stamp([]) };

/** Validator `a` with two pods as given, and `b`, and more. */
function twoPods(
  first: PodOptions,
  second: PodOptions,
  b: Spec = {},
  more: Readonly<Record<string, Spec>> = {},
): World {
  const spec = { replicas: 2 };
  const world = networkWorld({ a: { node: { spec }, statefulSet: { spec }, pod: 'none' }, b, ...more });
  const pods = new Map(world.pods);
  for (const [ordinal, options] of [first, second].entries()) {
    const raw = pod('a', { annotations: ALL, ordinal, uid: `pod-a-${ordinal}`, ...options });
    pods.set(`stellar/a-${ordinal}`, readPod(raw));
  }
  return { ...world, pods };
}

describe('a validator with two pods', () => {
  it('is restarted by its template while both are Ready', () => {
    assert.equal(planOf(twoPods({}, BARE)).restart, 'bump a');
  });

  it('keeps another validator waiting until each of the two pods has been Ready for MIN_READY_SECONDS', () => {
    const [long, short] = [{ readyAt: at(1_000) }, { readyAt: at(100) }];
    for (const [first, second] of [
      [long, short],
      [short, long],
    ] as const) {
      const { restart, holds, recheckInMs } = planOf(twoPods(first, second, { knows: [] }));
      assert.deepEqual([restart, holds.b, recheckInMs], [undefined, 'WaitingForMinReady', 200_000]);
    }
    assert.equal(planOf(twoPods(long, long, { knows: [] })).restart, 'bump b');
  });

  it('has only that pod deleted that cannot become Ready without what it lacks', () => {
    const { restart, token } = planOf(twoPods({ ready: false }, { ...BARE, ready: false }));
    assert.equal(restart, 'delete a');
    const alone = planOf(twoPods({ ready: false, ...BARE }, {}));
    assert.notEqual(token, alone.token);
    // One is bare and runs, the other is injected, knows too few, and may be catching up.
    const short: PodOptions = { ready: false, annotations: stamp(['left']) };
    const held = planOf(twoPods(BARE, short), { wasLive: ['left'] });
    assert.deepEqual([held.restart, held.holds.a], [undefined, 'CatchingUp']);
    assert.equal(planOf(twoPods(BARE, { ready: false, ...LONELY })).restart, 'delete a');
    // One lacks most, and is in use, though another of its containers is down.
    const inUse: PodOptions = { ready: false, coreReady: true, ...LONELY };
    const both = planOf(twoPods(inUse, { ready: false, ...BARE }));
    assert.deepEqual([both.restart, both.replaced], ['delete a', ['a-1']]);
  });

  it('has the pod deleted that has been down for long enough, even if the other pod lacks more and flaps', () => {
    const down = { ready: false };
    const world = twoPods({ ...down, ...LONELY }, { ...down, ...BARE });
    const { restart, replaced } = planOf(world, {
      downForMs: ({ name }) => (name === 'a-0' ? 1_000 : 100_000),
    });
    assert.deepEqual([restart, replaced], ['delete a', ['a-1']]);
  });

  it('counts as being told of its peers while either of its two sidecars still tells', () => {
    const again = { restartCount: 1, state: { running: { startedAt: at(-60) } } };
    const [old, young] = [{ sidecar: at(3_600) }, { sidecar: again }];
    const holdOf = (first: PodOptions, second: PodOptions) =>
      planOf(twoPods(first, second, {}, { c: {} }), { nowMs: NOW_MS + 300_000 }).holds.a;
    assert.equal(holdOf(old, old), 'Told');
    assert.equal(holdOf(old, young), 'Telling');
    assert.equal(holdOf(young, old), 'Telling');
  });

  it('stops its group for the second pod if our restart left this pod bare, even if the first pod is bare too', () => {
    const world = twoPods(BARE, BARE, { knows: [] });
    const { group } = planOf(world);
    const left = {
      ...({ statefulSet: 'stellar/a', kind: 'bump', uids: ['x'], token: 't', drift: 'short' } as const),
      ...({ atMs: NOW_MS, endedAtMs: NOW_MS, outcome: 'notInjected', after: ['pod-a-1'] } as const),
    };
    const data = { [group]: formatJournal([left], NOW_MS) };
    const journal = networkWorld({ a: {} }, { journal: data }).journal;
    const { holds, details } = planOf({ ...world, journal });
    assert.deepEqual([holds.b, details.b], ['NotInjected', 'stellar/a-1']);
  });

  it('is not bumped while a pod that lacks nothing is down: the bump would only act later', () => {
    const held = planOf(twoPods(BARE, { ready: false }));
    assert.deepEqual([held.restart, held.holds.a], [undefined, 'NotAllReady']);
  });
});

describe('a StatefulSet that replaces several pods at once', () => {
  const rolled = (maxUnavailable: unknown, replicas = 3) => {
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable } };
    const statefulSet = { spec: { replicas, updateStrategy } };
    const a: Spec = { node: { spec: { replicas } }, statefulSet, pod: 'none' };
    const world = networkWorld({ a, b: {}, c: {} });
    const pods = new Map(world.pods);
    for (let ordinal = 0; ordinal < replicas; ordinal += 1)
      pods.set(`stellar/a-${ordinal}`, readPod(pod('a', { annotations: ALL, ordinal, uid: `a-${ordinal}` })));
    const { restart, holds } = planOf({ ...world, pods }, { settings: { quorumCheck: 'off' } });
    return holds.a ?? restart;
  };

  it('is left alone, because the second pod would go down without a check of the budget', () => {
    for (const several of [2, '67%', '100%']) assert.equal(rolled(several), 'OtherUpdateStrategy');
  });

  it('is restarted as usual if its settings mean one pod at a time', () => {
    for (const one of [undefined, 1, '34%', '10%', 'odd']) assert.equal(rolled(one), 'bump a', String(one));
    assert.equal(rolled('100%', 1), 'bump a');
  });
});
