import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { World } from '../../../peers/world.ts';
import { planRollout } from '../../../reconciler/plan/restarts/rollout.ts';
import { NO_SETBACKS } from '../../../reconciler/plan/restarts/setbacks.ts';
import { Events } from '../../../runtime/kube/resources.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { Restarting, statefulSetRef } from './restarting.ts';

const stories = async ({ kube }: Restarting) => {
  const { items } = await kube.list(Events);
  return items.map((event) => `${event.type} ${event.reason}: ${event.note}`);
};

/** How often the pods were read live, past the caches. */
const liveReads = ({ kube }: Restarting) =>
  kube.requests.filter((each) => each === 'list /api/v1/namespaces/stellar/pods').length;

const began = ({ log }: Restarting) => log.with(/^restarting a validator/).length;

const TOKEN = '/spec/template/metadata/annotations/stellar.org~1peer-restart';

/** A leader began to restart `a`, but its write did not arrive. Returns the next leader's queue and the token of the write. */
async function unwritten() {
  const stage = new Restarting();
  await stage.offer(stage.lane());
  const value = stage.tokens().a;
  await stage.change(statefulSetRef('a'), { op: 'remove', path: TOKEN });
  return { stage, next: stage.lane(), value };
}

/** A queue began the restart of `a`, and the new pod of `a` is Ready. */
async function begunAndBack(options?: Parameters<Restarting['recreate']>[1]) {
  const stage = new Restarting();
  const lane = stage.lane();
  await stage.offer(lane);
  await stage.recreate('a', options);
  stage.clock.advance(600_000);
  return { stage, lane };
}

describe('the restart queue', () => {
  it('begins the planned restart, reports it, and notifies the leader when the attempt is over', async () => {
    const stage = new Restarting();
    let done = 0;
    const lane = stage.lane(() => {
      done += 1;
    });
    await stage.offer(lane);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.deepEqual(Object.keys(stage.tokens()), ['a']);
    assert.equal(done, 1);
    assert.deepEqual(await stories(stage), [
      'Normal Restarting: Rolling restart of a-0: it knows too few of its peers, or one that left.',
    ]);
    assert.match(await stage.metrics.render(), /stellar_peers_restarts_total\{kind="bump",drift="short"\} 1/);
  });

  it('does nothing, and does not wake the leader, while no restart is planned', async () => {
    const stage = new Restarting({ a: {}, b: {} });
    const lane = stage.lane(() => assert.fail('nothing ended'));
    await stage.offer(lane);
    assert.deepEqual(
      stage.kube.requests.filter((each) => !each.startsWith('list')),
      [],
    );
  });

  it('has one attempt under way at a time, however often plans are offered', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    const { input, plans } = await stage.plans();
    const before = liveReads(stage);
    for (let times = 0; times < 5; times += 1) lane.offer(plans, input);
    await lane.idle();
    assert.deepEqual([liveReads(stage) - before, began(stage)], [1, 1]);
    // The caches are a moment behind, so the plan still has the same restart.
    await stage.offer(lane, { plans, input });
    assert.equal(liveReads(stage) - before, 1);
    stage.clock.advance(1_000);
    await stage.offer(lane, { plans, input });
    assert.equal(began(stage), 1);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
  });

  it('rolls one validator after the other, each when the restart before is closed', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    for (const name of ['a', 'b', 'c']) {
      await stage.offer(lane);
      assert.equal(stage.outcomes().at(-1), `stellar/${name}: open`);
      await stage.recreate(name);
      stage.clock.advance(600_000);
      await stage.offer(lane);
      assert.equal(stage.outcomes().at(-1), `stellar/${name}: done`);
      stage.clock.advance(1_000);
    }
    await stage.offer(lane);
    assert.deepEqual(stage.outcomes(), ['stellar/a: done', 'stellar/b: done', 'stellar/c: done']);
  });
});

describe('a restart that is over', () => {
  it('is closed before another restart begins', async () => {
    const { plans } = await new Restarting().plans();
    const { stage, lane } = await begunAndBack();
    const input = stage.inputFor(await stage.world());
    const before = liveReads(stage);
    lane.offer(plans, input);
    await lane.idle();
    assert.equal(liveReads(stage) - before, 1);
    assert.deepEqual(stage.outcomes(), ['stellar/a: done']);
    assert.equal(began(stage), 1);
    assert.equal((await stories(stage)).at(-1), 'Normal RestartEnded: Restart finished.');
  });

  it('is reported as a warning if its pod came back without injection, and stops its group', async () => {
    const { stage, lane } = await begunAndBack({ injected: false });
    await stage.offer(lane);
    assert.deepEqual(stage.outcomes(), ['stellar/a: notInjected']);
    assert.match((await stories(stage)).at(-1) ?? '', /^Warning RestartEnded/);
    stage.clock.advance(600_000);
    await stage.offer(lane);
    assert.equal(began(stage), 1);
  });

  it('is closed by the next leader too, which does not blame the validator for what this leader did not see', async () => {
    const { stage } = await begunAndBack({ injected: false });
    await stage.offer(stage.lane());
    assert.deepEqual(stage.outcomes(), ['stellar/a: unwitnessed']);
  });

  it('is closed by live reads, not by caches that are behind', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    await stage.offer(lane);
    // As if the write had never happened: the cache has the new journal, but still the old template.
    const cached = await stage.world();
    const old = await new Restarting().world();
    const world = { ...cached, statefulSets: old.statefulSets, journal: cached.journal };
    lane.offer(new Map(), stage.inputFor(world));
    stage.clock.advance(30_000);
    lane.offer(new Map(), stage.inputFor(world));
    await lane.idle();
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.ok((lane.retryInMs() ?? 0) > 0);
  });

  it('is not void because the clock of a leader says so: the write may still be on its way', async () => {
    const { stage, next } = await unwritten();
    // The next leader's clock is an hour ahead.
    stage.clock.advance(3_600_000);
    await stage.offer(next);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.equal(next.retryInMs(), 20_000, 'nothing else wakes the loop for it');
    stage.clock.advance(19_999);
    await stage.offer(next);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    stage.clock.advance(1);
    await stage.offer(next);
    assert.deepEqual(stage.outcomes(), ['stellar/a: void']);
  });

  it('cannot happen any more once it is void: the delayed write names a resourceVersion that is old by then', async () => {
    const { stage, next, value } = await unwritten();
    const { resourceVersion } = stage.kube.observe(statefulSetRef('a'))?.metadata ?? {};
    await stage.offer(next);
    stage.clock.advance(20_000);
    await stage.offer(next);
    assert.deepEqual(stage.outcomes(), ['stellar/a: void']);
    const late = stage.change(
      statefulSetRef('a'),
      { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
      { op: 'add', path: TOKEN, value },
    );
    await assert.rejects(late, { status: 409 });
    assert.deepEqual(stage.tokens(), {});
  });

  it('is fenced by the next leader at its first look, long before the restart is void', async () => {
    const { stage, next } = await unwritten();
    const versionNow = () => stage.kube.observe(statefulSetRef('a'))?.metadata.resourceVersion;
    const before = versionNow();
    await stage.offer(next);
    const fenced = versionNow();
    assert.notEqual(fenced, before);
    await stage.offer(next);
    assert.equal(versionNow(), fenced, 'once');
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
  });

  it('is not fenced by its own leader after a refusal, even if the cache still shows the journal entry', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    let late: World | undefined;
    stage.before(/^patch .*statefulsets/, async () => {
      late = await stage.world();
      throw failure(403, '', 'the policy of the house');
    });
    await stage.offer(lane);
    assert.ok(late);
    const input = stage.inputFor(late);
    const before = stage.kube.observe(statefulSetRef('a'))?.metadata.resourceVersion;
    lane.offer(planRollout(input), input);
    await lane.idle();
    assert.equal(stage.kube.observe(statefulSetRef('a'))?.metadata.resourceVersion, before);
  });

  it('is void even if its fence is refused, once the StatefulSet has changed since the write was sent', async () => {
    const { stage, next } = await unwritten();
    stage.kube.intercept = (request) => {
      if (/^apply .*statefulsets/.test(request)) throw failure(403, 'Forbidden', 'hands off');
    };
    await stage.offer(next);
    stage.clock.advance(20_000);
    await stage.offer(next);
    assert.deepEqual(stage.outcomes(), ['stellar/a: void']);
  });

  it('stays open while its fence is refused and nothing has changed; the fence is tried less and less often', async () => {
    const stage = new Restarting();
    const { patch } = stage.kube;
    stage.kube.patch = async () => {
      throw failure(0, '', 'no answer');
    };
    await stage.offer(stage.lane());
    stage.kube.patch = patch;
    let fences = 0;
    stage.kube.intercept = (request) => {
      if (!/^apply .*statefulsets/.test(request)) return;
      fences += 1;
      throw failure(403, 'Forbidden', 'hands off');
    };
    const next = stage.lane();
    for (let minute = 0; minute < 120; minute += 1) {
      await stage.offer(next);
      stage.clock.advance(60_000);
    }
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.ok(fences > 4 && fences < 20, `${fences} fences`);
    const { plans } = await stage.plans();
    const told = [...plans.values()].flatMap(({ holds }) => [...holds.values()]);
    assert.deepEqual([...new Set(told.map(({ code }) => code))], ['RefusedByPolicy']);
    assert.ok(told.every(({ detail = '' }) => /stellar\/a.*hands off/.test(detail)));
    // The error of a replica that no longer leads.
    stage.setbacks = NO_SETBACKS;
    const [others] = (await stage.plans()).plans.values();
    assert.match(others?.holds.get('stellar/b')?.detail ?? '', /does not show/);
  });

  it('is under way if its write arrived just before the restart would have been void', async () => {
    const { stage, next, value } = await unwritten();
    await stage.offer(next);
    stage.clock.advance(20_000);
    stage.before(/^apply .*statefulsets/, () =>
      stage.change(statefulSetRef('a'), { op: 'add', path: TOKEN, value }),
    );
    await stage.offer(next);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
  });

  it('is closed later if the journal cannot be written now', async () => {
    const { stage, lane } = await begunAndBack();
    stage.kube.intercept = (request) => {
      if (request.startsWith('replace')) throw failure(500, '', 'no');
    };
    await stage.offer(lane);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    stage.kube.intercept = () => undefined;
    stage.clock.advance(lane.retryInMs() ?? 0);
    await stage.offer(lane);
    assert.deepEqual(stage.outcomes(), ['stellar/a: done']);
  });
});
