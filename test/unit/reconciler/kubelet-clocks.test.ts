/**
 * Kubelets date the conditions of pods, each by a clock of its own that nothing corrects: how long a validator has been
 * Ready, and whether it ever was, must not hang on it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PodFacts } from '../../../peers/world.ts';
import { at, networkWorld, planOf, type Spec, setOf, withPod } from './group.ts';

const JOINED = { a: { knows: ['b', 'c'] }, b: {}, c: {} } satisfies Record<string, Spec>;
const seen = (ms: number) => (pod: PodFacts) => (pod.name === 'd-0' ? ms : Number.POSITIVE_INFINITY);

describe('MIN_READY_SECONDS', () => {
  it('is counted from when the leader saw a validator Ready, whatever its kubelet says', () => {
    for (const readyAt of [at(600), at(10), at(-600)]) {
      const world = networkWorld({ ...JOINED, d: { pod: { readyAt } } });
      const early = planOf(world, { readyForMs: seen(299_999) });
      assert.deepEqual([early.restart, early.holds.a], [undefined, 'WaitingForMinReady'], readyAt);
      assert.equal(early.recheckInMs, 1);
      assert.equal(planOf(world, { readyForMs: seen(300_000) }).restart, 'bump a', readyAt);
    }
  });
});

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const quorum = { validatorConfig: { quorumSet: setOf(NAMES, 67) } };

/** What seven at 67 %, of which the first lacks peers, do while the last is down: created 10 s ago with all of its. */
function beside(pod: Exclude<Spec['pod'], string>, change: Partial<PodFacts> = {}): string | undefined {
  const specs = Object.fromEntries(NAMES.map((name): [string, Spec] => [name, { node: { spec: quorum } }]));
  const g: Spec = {
    node: { spec: quorum, creationTimestamp: at(10_000) },
    statefulSet: { createdAt: at(10_000) },
    pod: { ready: false, createdAt: at(10_000), scheduledAt: at(9_998), ...pod },
  };
  const world = networkWorld({ ...specs, a: { knows: ['b'], node: { spec: quorum } }, g });
  const { restart, holds } = planOf(withPod(world, 'g', change));
  return restart ?? holds.a;
}

describe('a validator that is down', () => {
  const since = (secondsAgo: number) => ({ initializedAt: at(secondsAgo), readyAt: at(secondsAgo) });
  const NEVER = 'bump a';
  const WENT_DOWN = 'WaitingForUnavailable';

  it('was never Ready if that has not changed since its pod was initialized', () => {
    assert.equal(beside(since(9_995)), NEVER);
    assert.equal(
      beside({ initializedAt: at(9_900), readyAt: at(9_995) }),
      NEVER,
      'an init container ran for long',
    );
    assert.equal(beside(since(10_001)), NEVER, 'its kubelet is three seconds behind');
  });

  it('was never Ready if no kubelet has said a word of it yet', () => {
    const silent = { readyChangedAtMs: undefined, initializedAtMs: undefined, running: false };
    assert.equal(beside({}, silent), NEVER);
    assert.equal(beside({}, { ...silent, running: true }), WENT_DOWN);
    assert.equal(beside({}, { ...silent, containerRestarts: 1 }), WENT_DOWN);
  });

  it('went down if that changed after its pod was initialized, however soon', () => {
    assert.equal(beside({ initializedAt: at(9_997), readyAt: at(9_990) }), WENT_DOWN);
  });

  it('went down, for all that is known, where its kubelet’s clock is off', () => {
    // Ten minutes behind: scheduled at 9,998 s ago, it was Ready in between.
    assert.equal(beside({ initializedAt: at(10_595), readyAt: at(10_300) }), WENT_DOWN);
    assert.equal(beside(since(10_002)), WENT_DOWN);
    assert.equal(beside(since(9_395)), WENT_DOWN);
  });

  it('went down, for all that is known, where its container was restarted or its times are missing', () => {
    assert.equal(beside(since(9_995), { containerRestarts: 1 }), WENT_DOWN);
    assert.equal(beside(since(9_995), { initializedAtMs: undefined }), WENT_DOWN);
    assert.equal(beside(since(9_995), { scheduledAtMs: undefined }), WENT_DOWN);
  });
});
