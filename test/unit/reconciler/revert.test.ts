/** A bump that has replaced no pod yet may act at any later time. It is taken back when a restart is not allowed any more. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Events } from '../../../runtime/kube/resources.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { JOINED, namespaceRef, podRef, Restarting, statefulSetRef } from './restarting.ts';

const ROLLOUT = 'stellar.org/peer-rollout';
const READY = '/status/conditions/0/status';

/** A stage on which validator `a` was bumped, and its pod, which the annotations of its template are on, is as it was. */
async function bumped(annotations: Record<string, string> = {}, podToken = annotations[RESTART]) {
  const stage = new Restarting({ ...JOINED, a: { knows: ['b', 'c'], statefulSet: { annotations } } });
  if (podToken !== undefined)
    await stage.change(podRef('a'), { op: 'add', path: POD_RESTART, value: podToken });
  const before = structuredClone(stage.kube.observe(statefulSetRef('a'))?.spec);
  const lane = stage.lane();
  const offer = () => stage.offer(lane);
  await offer();
  assert.equal(stage.tokens().a?.includes('.'), true);
  return { stage, lane, offer, before };
}

/** The same, and its pod then turned not Ready. */
async function turned(annotations: Record<string, string> = {}) {
  const all = await bumped(annotations);
  await all.stage.change(podRef('a'), { op: 'replace', path: READY, value: 'False' });
  return all;
}

const RESTART = 'stellar.org/peer-restart';
const POD_RESTART = '/metadata/annotations/stellar.org~1peer-restart';
const whyOf = (stage: Restarting) => stage.entries().map(({ why }) => why);

describe('a bump that has replaced no pod yet', () => {
  const PAUSED = { op: 'add', path: '/metadata/annotations', value: { [ROLLOUT]: 'paused' } } as const;
  const UPDATE = '/spec/updateStrategy';
  const changes: Record<string, readonly [(stage: Restarting) => Promise<unknown>, string]> = {
    'its group is paused': [(stage) => stage.change(namespaceRef, PAUSED), 'Paused'],
    'another of its group went down': [
      (stage) => stage.change(podRef('b'), { op: 'replace', path: READY, value: 'False' }),
      'WaitingForUnavailable',
    ],
    'its StatefulSet has a partition by now': [
      (stage) =>
        stage.change(statefulSetRef('a'), {
          op: 'add',
          path: UPDATE,
          value: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } },
        }),
      'Partitioned',
    ],
    'its owner rolls it by hand by now': [
      (stage) => stage.change(statefulSetRef('a'), { op: 'add', path: UPDATE, value: { type: 'OnDelete' } }),
      'OnDelete',
    ],
    'its next pod would not be injected': [
      (stage) =>
        stage.change(namespaceRef, {
          op: 'add',
          path: '/metadata/labels',
          value: { 'stellar.org/peer-injection': 'disabled' },
        }),
      'OptedOut',
    ],
    'it lacks nothing any more': [
      async (stage) => {
        await stage.kube.delete(podRef('d'), {});
        await stage.kube.delete(statefulSetRef('d'), {});
      },
      'NothingLacking',
    ],
  };
  for (const [when, [change, why]] of Object.entries(changes)) {
    it(`is taken back when ${when}`, async () => {
      const { stage, offer } = await bumped();
      await change(stage);
      await offer();
      assert.deepEqual([stage.outcomes(), whyOf(stage)], [['stellar/a: defused'], [why]]);
      assert.deepEqual(stage.tokens(), {});
    });
  }

  it('stays if nothing has changed', async () => {
    const { stage, offer } = await bumped();
    stage.clock.advance(10_000);
    await offer();
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.equal(stage.tokens().a?.includes('.'), true);
  });

  it('is checked by live reads after some seconds, because a cache may be late', async () => {
    const { stage, lane, offer } = await bumped();
    const caches = await stage.plans();
    await stage.offer(lane, caches);
    await stage.change(namespaceRef, PAUSED);
    stage.clock.advance(5_000);
    await stage.offer(lane, caches);
    assert.deepEqual([stage.outcomes(), whyOf(stage)], [['stellar/a: defused'], ['Paused']]);
    await offer();
  });

  it('is taken back when the StatefulSet controller took no notice for 30 s, and the group waits for it', async () => {
    const { stage, offer } = await bumped();
    await stage.change(statefulSetRef('a'), { op: 'add', path: '/metadata/generation', value: 2 });
    await offer();
    stage.clock.advance(29_000);
    await offer();
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    stage.clock.advance(1_000);
    await offer();
    assert.deepEqual([stage.outcomes(), whyOf(stage)], [['stellar/a: defused'], ['ControllerAway']]);
    const { plans } = await stage.plans();
    const [plan] = plans.values();
    assert.deepEqual(
      [...new Set([...(plan?.holds.values() ?? [])].map(({ code }) => code))],
      ['ControllerAway'],
    );
    assert.equal(plan?.recheckInMs, 60_000);
  });

  it('removes our token, and does not restore a former token that no pod carries', async () => {
    const { stage, offer } = await bumped({ [RESTART]: 'foreign' }, 'none');
    await stage.change(podRef('a'), { op: 'remove', path: POD_RESTART });
    await stage.change(namespaceRef, PAUSED);
    await offer();
    assert.deepEqual(stage.outcomes(), ['stellar/a: defused']);
    assert.deepEqual(stage.tokens(), {});
  });

  it('is not taken back once one of its pods is replaced or being deleted', async () => {
    for (const change of [
      (stage: Restarting) =>
        stage.change(podRef('a'), {
          op: 'add',
          path: '/metadata/deletionTimestamp',
          value: '2026-06-01T00:00:01Z',
        }),
      (stage: Restarting) => stage.recreate('a', { ready: false }),
    ]) {
      const { stage, offer } = await bumped();
      await stage.change(namespaceRef, PAUSED);
      await change(stage);
      await offer();
      assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    }
  });
});

const holdsOf = async (stage: Restarting) =>
  [...(await stage.plans()).plans.values()].flatMap(({ holds }) => [...holds]);

const templateOf = (spec: unknown) => JSON.stringify((spec as { template: unknown }).template);

describe('taking a bump back', () => {
  it('waits for half a second at most for a journal that does not answer', async () => {
    const { stage, lane } = await bumped();
    const { clock, kube } = stage;
    await stage.change(podRef('a'), { op: 'replace', path: READY, value: 'False' });
    const { input, plans } = await stage.plans();
    kube.intercept = async (request) => {
      if (!/^(get|replace) .*restarts$/.test(request)) return;
      await clock.sleep(5_000);
      throw failure(0, '', 'no answer');
    };
    const sinceMs = clock.monotonicMs();
    lane.offer(plans, input);
    await clock.passUntil(() => stage.tokens().a === undefined, 100);
    assert.ok(clock.monotonicMs() - sinceMs <= 600);
    await clock.pass(lane.idle());
    kube.intercept = () => undefined;
    clock.advance(30_000);
    await clock.pass(
      stage.plans().then((after) => {
        lane.offer(after.plans, after.input);
        return lane.idle();
      }),
    );
    assert.deepEqual(stage.outcomes(), ['stellar/a: defused']);
  });

  it('puts the template back as it was, and closes the journal', async () => {
    for (const annotations of [{}, { 'stellar.org/peer-restart': 'earlier' }, { other: 'kept' }]) {
      const { stage, offer, before } = await turned(annotations as Record<string, string>);
      await offer();
      assert.equal(templateOf(stage.kube.observe(statefulSetRef('a'))?.spec), templateOf(before));
      assert.deepEqual(stage.outcomes(), ['stellar/a: defused']);
    }
  });

  it('is reported, and the group restarts no validator for a minute', async () => {
    const { stage, offer } = await turned();
    await offer();
    const { items } = await stage.kube.list(Events);
    assert.ok(items.some(({ reason }) => reason === 'RestartTakenBack'));
    await stage.change(podRef('a'), { op: 'replace', path: READY, value: 'True' });
    await offer();
    assert.deepEqual(stage.outcomes(), ['stellar/a: defused']);
    const told = await holdsOf(stage);
    assert.deepEqual(
      told.map(([key, { code, detail }]) => [key, code, detail]),
      ['a', 'b', 'c'].map((name) => [`stellar/${name}`, 'RestartTakenBack', 'stellar/a: NotAllReady']),
    );
    // Another leader reads the same in the journal.
    await stage.offer(stage.lane());
    assert.deepEqual(stage.outcomes(), ['stellar/a: defused']);
    stage.clock.advance(60_000);
    await offer();
    assert.deepEqual(stage.outcomes(), ['stellar/a: defused', 'stellar/a: open']);
  });

  it('does not happen if the pod is Ready again by then, or if another replica leads', async () => {
    const { stage, offer } = await turned();
    stage.before(/^list .*\/pods/, async () => undefined);
    stage.mayWrite = () => false;
    await offer();
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.equal(stage.tokens().a?.includes('.'), true);
  });

  it('is tried again where another wrote in between, or no answer came', async () => {
    for (const error of [
      failure(409, 'Conflict', 'no'),
      failure(0, '', 'no answer'),
      failure(500, '', 'no'),
    ]) {
      const { stage, lane, offer } = await turned();
      stage.before(/^patch .*statefulsets/, async () => {
        throw error;
      });
      await offer();
      assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
      stage.clock.advance(lane.retryInMs() ?? 0);
      await offer();
      assert.deepEqual(stage.outcomes(), ['stellar/a: defused']);
    }
  });

  it('is tried again less and less often where it is refused, and that is what all wait for', async () => {
    const { stage, offer } = await turned();
    let tries = 0;
    stage.kube.intercept = (request) => {
      if (!/^patch .*statefulsets/.test(request)) return;
      tries += 1;
      throw failure(403, 'Forbidden', 'hands off');
    };
    for (let minute = 0; minute < 120; minute += 1) {
      await offer();
      stage.clock.advance(60_000);
    }
    assert.ok(tries > 4 && tries < 20, `${tries} tries`);
    const waiting = (await holdsOf(stage)).map(([, { code, detail }]) => `${code} ${detail?.slice(0, 9)}`);
    assert.deepEqual([...new Set(waiting)], ['RefusedByPolicy stellar/a']);
    stage.kube.intercept = () => undefined;
    stage.clock.advance(1_800_000);
    await offer();
    assert.deepEqual(stage.outcomes(), ['stellar/a: defused']);
    assert.ok((await holdsOf(stage)).every(([, { code }]) => code !== 'RefusedByPolicy'));
  });

  it('that was refused is forgotten once a pod of it is replaced', async () => {
    const { stage, offer } = await turned();
    stage.kube.intercept = (request) => {
      if (/^patch .*statefulsets/.test(request)) throw failure(403, 'Forbidden', 'hands off');
    };
    await offer();
    await stage.recreate('a', { ready: false });
    await offer();
    assert.deepEqual(
      (await holdsOf(stage)).map(([key, { code }]) => `${key} ${code}`),
      ['stellar/b InFlight', 'stellar/c InFlight'],
    );
  });
});
