import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reason } from '../../../peers/reasons.ts';
import type { RestartLane } from '../../../reconciler/restart-lane.ts';
import { Events } from '../../../runtime/resources.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { JOINED, podRef, Restarting, statefulSetRef } from './restarting.ts';

/** Offers the lane what the caches, current now, say; waits until it has done its part. */
async function offered(stage: Restarting, lane: RestartLane): Promise<void> {
  const { world, plans } = await stage.plans();
  lane.offer(plans, world, stage.inputFor);
  await lane.idle();
}

const refusalsOf = (lane: RestartLane) =>
  Object.fromEntries([...lane.refusals].map(([key, { code }]) => [key, code]));

const stories = async ({ kube }: Restarting) => {
  const { items } = await kube.list(Events);
  return items.map((event) => `${event.type} ${event.reason}: ${event.note}`);
};

/** How often something was looked at past the caches. */
const liveReads = ({ kube }: Restarting) =>
  kube.requests.filter((each) => each === 'list /api/v1/pods').length;

const began = ({ log }: Restarting) => log.with(/^restarting a validator/).length;

describe('the lane of restarts', () => {
  it('begins what is planned, tells of it, and calls back when that is over', async () => {
    const stage = new Restarting();
    let done = 0;
    const lane = stage.lane(() => {
      done += 1;
    });
    await offered(stage, lane);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.deepEqual(Object.keys(stage.tokens()), ['a']);
    assert.equal(done, 1);
    assert.deepEqual(await stories(stage), ['Normal Restarting: Restarting a-0 by bump: short.']);
    assert.match(await stage.metrics.render(), /stellar_peers_restarts_total\{kind="bump",drift="short"\} 1/);
  });

  it('does nothing, and wakes nobody, while there is nothing to do', async () => {
    const stage = new Restarting({ a: {}, b: {} });
    const lane = stage.lane(() => assert.fail('nothing ended'));
    await offered(stage, lane);
    assert.deepEqual(
      stage.kube.requests.filter((each) => !each.startsWith('list')),
      [],
    );
  });

  it('has one attempt under way at a time, however often it is asked', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    const { world, plans } = await stage.plans();
    const before = liveReads(stage);
    for (let times = 0; times < 5; times += 1) lane.offer(plans, world, stage.inputFor);
    await lane.idle();
    assert.deepEqual([liveReads(stage) - before, began(stage)], [1, 1]);
    // The caches are a moment behind, and still plan the same.
    lane.offer(plans, world, stage.inputFor);
    await lane.idle();
    assert.equal(liveReads(stage) - before, 1);
    stage.clock.advance(1_000);
    lane.offer(plans, world, stage.inputFor);
    await lane.idle();
    assert.equal(began(stage), 1);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
  });

  it('rolls one validator after the other, each when the one before is closed', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    for (const name of ['a', 'b', 'c']) {
      await offered(stage, lane);
      assert.equal(stage.outcomes().at(-1), `stellar/${name}: open`);
      await stage.recreate(name);
      stage.clock.advance(600_000);
      await offered(stage, lane);
      assert.equal(stage.outcomes().at(-1), `stellar/${name}: done`);
      stage.clock.advance(1_000);
    }
    await offered(stage, lane);
    assert.deepEqual(stage.outcomes(), ['stellar/a: done', 'stellar/b: done', 'stellar/c: done']);
  });
});

describe('a restart that is over', () => {
  it('is closed before another begins', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    await offered(stage, lane);
    const { plans } = await new Restarting().plans();
    await stage.recreate('a');
    stage.clock.advance(600_000);
    const world = await stage.world();
    const before = liveReads(stage);
    lane.offer(plans, world, stage.inputFor);
    await lane.idle();
    assert.equal(liveReads(stage) - before, 1);
    assert.deepEqual(stage.outcomes(), ['stellar/a: done']);
    assert.equal(began(stage), 1);
    assert.equal((await stories(stage)).at(-1), 'Normal RestartEnded: Restart (bump, short) ended: done.');
  });

  it('is told as a warning if its pod came back without injection, and stops its group', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    await offered(stage, lane);
    await stage.recreate('a', { injected: false });
    stage.clock.advance(600_000);
    await offered(stage, lane);
    assert.deepEqual(stage.outcomes(), ['stellar/a: notInjected']);
    assert.match((await stories(stage)).at(-1) ?? '', /^Warning RestartEnded/);
    stage.clock.advance(600_000);
    await offered(stage, lane);
    assert.equal(began(stage), 1);
  });

  it('is closed by the next leader too, which holds nothing against it that it did not see', async () => {
    const stage = new Restarting();
    await offered(stage, stage.lane());
    await stage.recreate('a', { injected: false });
    stage.clock.advance(600_000);
    await offered(stage, stage.lane());
    assert.deepEqual(stage.outcomes(), ['stellar/a: unwitnessed']);
  });

  it('is closed by the live state, not by caches that are behind', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    await offered(stage, lane);
    // As if the write had never happened: the cache has the journal, and not yet the template.
    const cached = await stage.world();
    const old = await new Restarting().world();
    const world = { ...cached, statefulSets: old.statefulSets, journal: cached.journal };
    lane.offer(new Map(), world, stage.inputFor);
    stage.clock.advance(30_000);
    lane.offer(new Map(), world, stage.inputFor);
    await lane.idle();
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.ok((lane.retryInMs() ?? 0) > 0);
  });

  it('is not void by the clock of whoever wrote it: its write may still be on its way', async () => {
    const stage = new Restarting();
    await offered(stage, stage.lane());
    await stage.change(statefulSetRef('a'), {
      op: 'remove',
      path: '/spec/template/metadata/annotations/stellar.org~1peer-restart',
    });
    // The next leader's clock is an hour ahead.
    stage.clock.advance(3_600_000);
    const next = stage.lane();
    await offered(stage, next);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.equal(next.retryInMs(), 20_000, 'nobody else wakes the loop for it');
    stage.clock.advance(19_999);
    await offered(stage, next);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    stage.clock.advance(1);
    await offered(stage, next);
    assert.deepEqual(stage.outcomes(), ['stellar/a: void']);
  });

  it('cannot happen any more once it is void: its write, held up somewhere, is on condition of a version', async () => {
    const stage = new Restarting();
    const { kube } = stage;
    await offered(stage, stage.lane());
    // The bump was not written after all: its sender was stopped just before.
    const path = '/spec/template/metadata/annotations/stellar.org~1peer-restart';
    const value = stage.tokens().a;
    await stage.change(statefulSetRef('a'), { op: 'remove', path });
    const { resourceVersion } = kube.observe(statefulSetRef('a'))?.metadata ?? {};
    const next = stage.lane();
    await offered(stage, next);
    stage.clock.advance(20_000);
    await offered(stage, next);
    assert.deepEqual(stage.outcomes(), ['stellar/a: void']);
    const late = stage.change(
      statefulSetRef('a'),
      { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
      { op: 'add', path, value },
    );
    await assert.rejects(late, { status: 409 });
    assert.deepEqual(stage.tokens(), {});
  });

  it('is fenced by the next leader as soon as it sees it, long before it is void', async () => {
    const stage = new Restarting();
    const { kube } = stage;
    await offered(stage, stage.lane());
    const path = '/spec/template/metadata/annotations/stellar.org~1peer-restart';
    await stage.change(statefulSetRef('a'), { op: 'remove', path });
    const versionNow = () => kube.observe(statefulSetRef('a'))?.metadata.resourceVersion;
    const before = versionNow();
    const next = stage.lane();
    await offered(stage, next);
    const fenced = versionNow();
    assert.notEqual(fenced, before);
    await offered(stage, next);
    assert.equal(versionNow(), fenced, 'once');
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
  });

  it('is under way if it came through just before it would have been void', async () => {
    const stage = new Restarting();
    await offered(stage, stage.lane());
    const path = '/spec/template/metadata/annotations/stellar.org~1peer-restart';
    const value = stage.tokens().a;
    await stage.change(statefulSetRef('a'), { op: 'remove', path });
    const next = stage.lane();
    await offered(stage, next);
    stage.clock.advance(20_000);
    stage.before(/^apply .*statefulsets/, () =>
      stage.change(statefulSetRef('a'), { op: 'add', path, value }),
    );
    await offered(stage, next);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
  });

  it('is closed later where the journal cannot be written now', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    await offered(stage, lane);
    await stage.recreate('a');
    stage.clock.advance(600_000);
    stage.kube.intercept = (request) => {
      if (request.startsWith('replace')) throw failure(500, '', 'no');
    };
    await offered(stage, lane);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    stage.kube.intercept = () => undefined;
    stage.clock.advance(lane.retryInMs() ?? 0);
    await offered(stage, lane);
    assert.deepEqual(stage.outcomes(), ['stellar/a: done']);
  });
});

describe('an attempt that came to nothing', () => {
  it('is shown with its reason, and tried again after 5 s', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    stage.unanswered = reason('WebhookNotAnswering', 'connection refused');
    await offered(stage, lane);
    assert.deepEqual(refusalsOf(lane), { 'stellar/a': 'WebhookNotAnswering' });
    assert.equal(lane.retryInMs(), 5_000);
    stage.unanswered = undefined;
    stage.clock.advance(4_999);
    await offered(stage, lane);
    assert.equal(began(stage), 0);
    stage.clock.advance(1);
    await offered(stage, lane);
    assert.equal(began(stage), 1);
    assert.deepEqual(refusalsOf(lane), {});
  });

  it('is tried again only after two minutes where a policy refused it, while other groups go on', async () => {
    const other = { node: { spec: { customNetworkPassphrase: 'a network of its own' } } };
    const stage = new Restarting({
      ...JOINED,
      e: { ...other, knows: ['f', 'g'] },
      f: { ...other, knows: ['e', 'g'] },
      g: { ...other, knows: ['e', 'f'] },
      h: other,
    });
    const lane = stage.lane();
    const refused = new Set<string>();
    stage.kube.intercept = (request) => {
      const name = /^patch .*statefulsets\/(.)$/.exec(request)?.[1];
      if (name === undefined || (refused.size > 0 && !refused.has(name))) return;
      refused.add(name);
      throw failure(403, 'Forbidden', 'a policy says no');
    };
    await offered(stage, lane);
    const [first = ''] = refused;
    assert.deepEqual(refusalsOf(lane), { [`stellar/${first}`]: 'RefusedByPolicy' });
    await offered(stage, lane);
    const second = first === 'a' ? 'e' : 'a';
    assert.deepEqual(Object.keys(stage.tokens()), [second]);
    stage.clock.advance(119_000);
    const attempts = () =>
      stage.kube.requests.filter((each) => each.endsWith(`statefulsets/${first}`)).length;
    await offered(stage, lane);
    assert.equal(attempts(), 1);
    stage.clock.advance(1_000);
    await offered(stage, lane);
    assert.equal(attempts(), 2);
  });

  it('is tried again less and less often while the API server cannot be read, and shown', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    const { world, plans } = await stage.plans();
    stage.kube.intercept = (request) => {
      if (request.startsWith('list')) throw failure(503, '', 'no');
    };
    const waits: number[] = [];
    for (let attempt = 0; attempt < 10; attempt += 1) {
      lane.offer(plans, world, stage.inputFor);
      await lane.idle();
      const waitMs = lane.retryInMs() ?? 0;
      waits.push(waitMs);
      stage.clock.advance(waitMs);
    }
    assert.deepEqual([waits[0], waits[1], waits.at(-1)], [250, 500, 30_000]);
    assert.deepEqual(refusalsOf(lane), { 'stellar/a': 'StaleCaches' });
    stage.kube.intercept = () => undefined;
    await offered(stage, lane);
    assert.equal(began(stage), 1);
    assert.deepEqual(refusalsOf(lane), {});
  });

  it('is shown no longer than its restart is wanted', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    stage.unanswered = reason('WebhookNotAnswering');
    await offered(stage, lane);
    await stage.kube.delete(statefulSetRef('d'), {});
    await stage.kube.delete(podRef('d'), {});
    await offered(stage, lane);
    assert.deepEqual(refusalsOf(lane), {});
  });
});
