/** Failed attempts: which validator is tried next and when, and which reason is reported meanwhile. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reason } from '../../../peers/reasons/reasons.ts';
import type { World } from '../../../peers/world.ts';
import { planRollout } from '../../../reconciler/plan/restarts/rollout.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { at } from './group.ts';
import { JOINED, podRef, Restarting, statefulSetRef } from './restarting.ts';

/** The reason for which each validator waits, or is tried again later, by name. */
async function told(stage: Restarting): Promise<Record<string, string>> {
  const { plans } = await stage.plans();
  const reasons = [...plans.values()].flatMap(({ remarks, holds }) => [...remarks, ...holds]);
  return Object.fromEntries(
    reasons
      .filter(([, { code }]) => code !== 'QuorumUnknown')
      .map(([key, { code }]) => [key.replace('stellar/', ''), code]),
  );
}

const dueInMs = async (stage: Restarting) =>
  Math.min(...[...(await stage.plans()).plans.values()].map((plan) => plan.recheckInMs ?? Infinity));

const began = ({ log }: Restarting) => log.with(/^restarting a validator/).length;

const refusing = (stage: Restarting, name: string) => {
  stage.kube.intercept = (request) => {
    if (request.endsWith(`statefulsets/${name}`) && request.startsWith('patch'))
      throw failure(403, 'Forbidden', 'a policy says no');
  };
};

const BARE = { injected: false, annotations: {}, ready: false, createdAt: at(1_000) } as const;
const UNCOUNTED = { node: { annotations: { 'stellar.org/peer-budget': 'uncounted' } } } as const;

describe('a validator whose restart was refused', () => {
  it('keeps no other validator of its group waiting, and keeps its reason until it may be tried again', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    refusing(stage, 'a');
    await stage.offer(lane);
    assert.deepEqual(await told(stage), { a: 'RefusedByPolicy', c: 'Queued' });
    await stage.offer(lane);
    assert.deepEqual(Object.keys(stage.tokens()), ['b']);
    stage.clock.advance(119_000);
    assert.deepEqual(await told(stage), { a: 'RefusedByPolicy', b: 'InFlight', c: 'InFlight' });
    stage.clock.advance(1_000);
    assert.deepEqual(await told(stage), { a: 'InFlight', b: 'InFlight', c: 'InFlight' }, 'it waits for that');
  });

  it('is tried again after 2, 4, 8 and at last 30 minutes, and goes behind the others', async () => {
    const stage = new Restarting({ a: { knows: ['b', 'c'] }, b: {}, c: {}, d: {} });
    const lane = stage.lane();
    refusing(stage, 'a');
    const minutes: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      await stage.offer(lane);
      const waitMs = await dueInMs(stage);
      minutes.push(waitMs / 60_000);
      stage.clock.advance(waitMs - 1);
      await stage.offer(lane);
      assert.equal(began(stage), attempt + 1);
      stage.clock.advance(1);
      assert.deepEqual(await told(stage), { a: 'RefusedByPolicy' }, 'also while it is tried');
    }
    assert.deepEqual(minutes, [2, 4, 8, 16, 30, 30]);
    stage.kube.intercept = () => undefined;
    await stage.offer(lane);
    assert.deepEqual(Object.keys(stage.tokens()), ['a']);
    assert.equal(stage.setbacks.of('stellar/a'), undefined);
  });

  it('is forgotten once it lacks nothing any more', async () => {
    const stage = new Restarting({ a: { knows: ['b', 'c'] }, b: {}, c: {}, d: {} });
    const lane = stage.lane();
    refusing(stage, 'a');
    await stage.offer(lane);
    await stage.kube.delete(statefulSetRef('d'), {});
    await stage.kube.delete(podRef('d'), {});
    await stage.offer(lane);
    assert.deepEqual(await told(stage), {});
    assert.equal(stage.setbacks.of('stellar/a'), undefined);
  });

  it('does not keep other groups waiting', async () => {
    const other = { node: { spec: { customNetworkPassphrase: 'a network of its own' } } };
    const stage = new Restarting({
      ...{ a: { knows: ['b', 'c'] }, b: {}, c: {}, d: {} },
      ...{ e: { ...other, knows: ['f', 'g'] }, f: other, g: other, h: other },
    });
    const lane = stage.lane();
    refusing(stage, 'a');
    await stage.offer(lane);
    await stage.offer(lane);
    assert.deepEqual(Object.keys(stage.tokens()), ['e']);
  });
});

describe('a validator that another writes each time before us', () => {
  const conflicting = (stage: Restarting, ...requests: RegExp[]) => {
    stage.kube.intercept = (request) => {
      if (requests.some((each) => each.test(request))) throw failure(409, 'Conflict', 'it has moved');
    };
  };

  it('keeps no other of its group waiting, and says why it waits', async () => {
    for (const [specs, request] of [
      [JOINED, /^patch .*statefulsets\/a$/],
      [{ ...JOINED, a: { pod: BARE } }, /^delete .*pods\/a-0$/],
    ] as const) {
      const stage = new Restarting({
        ...specs,
        b: { ...JOINED.b, ...UNCOUNTED },
        a: { ...specs.a, ...UNCOUNTED },
      });
      const lane = stage.lane();
      conflicting(stage, request);
      for (let attempt = 0; attempt < 10; attempt += 1) {
        await stage.offer(lane);
        stage.clock.advance(1_000);
      }
      assert.deepEqual(Object.keys(stage.tokens()), ['b']);
      assert.equal((await told(stage)).a, 'RefusedByPolicy');
      assert.equal(stage.log.with(/refused|restarting a validator/).length, 4, 'three tries, and the other');
    }
  });

  it('is not told as refused where another deleted its pod a moment before', async () => {
    const stage = new Restarting({ ...JOINED, a: { pod: BARE } });
    const lane = stage.lane();
    stage.before(/^delete .*pods\/a-0$/, async () => {
      throw failure(404, 'NotFound', 'pods "a-0" not found');
    });
    await stage.offer(lane);
    assert.equal(stage.setbacks.of('stellar/a'), undefined);
    assert.notEqual((await told(stage)).a, 'RefusedByPolicy');
  });

  it('is tried again at once if that happened only once', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    conflicting(stage, /^patch .*statefulsets\/a$/);
    await stage.offer(lane);
    assert.equal((await told(stage)).a, undefined);
    stage.kube.intercept = () => undefined;
    stage.clock.advance(250);
    await stage.offer(lane);
    assert.deepEqual(Object.keys(stage.tokens()), ['a']);
  });
});

describe('an intent that came to nothing', () => {
  /** What is told by a cache of the journal that shows the intent still, when its write was answered with `status`. */
  async function toldLate(status: number, isTakenOut: boolean) {
    const stage = new Restarting();
    const lane = stage.lane();
    let late: World | undefined;
    stage.before(/^patch .*statefulsets/, async () => {
      late = await stage.world();
      stage.kube.intercept = (request) => {
        if (!isTakenOut && /^replace .*restarts/.test(request)) throw failure(500, '', 'etcd');
      };
      throw failure(status, '', 'no');
    });
    await stage.offer(lane);
    assert.ok(late);
    const reasons = [...planRollout(stage.inputFor(late)).values()].flatMap(({ holds }) => [
      ...holds.values(),
    ]);
    return reasons.map(({ code }) => code);
  }

  it('is not told as under way, though the cache of the journal is a moment behind', async () => {
    assert.deepEqual(await toldLate(403, true), ['Queued', 'RefusedByPolicy']);
    assert.deepEqual(await toldLate(409, true), ['Queued', 'Queued']);
  });

  it('keeps its group waiting where it could not be taken out of the journal', async () => {
    assert.deepEqual(await toldLate(403, false), ['InFlight', 'InFlight', 'RefusedByPolicy']);
  });
});

describe('an obstacle that every restart would meet', () => {
  it('is told of all who wait for it, and tried again after 5 s', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    stage.unanswered = reason('WebhookNotAnswering', 'connection refused');
    await stage.offer(lane);
    const all = { a: 'WebhookNotAnswering', b: 'WebhookNotAnswering', c: 'WebhookNotAnswering' };
    assert.deepEqual(await told(stage), all);
    assert.equal(await dueInMs(stage), 5_000);
    stage.unanswered = undefined;
    stage.clock.advance(4_999);
    await stage.offer(lane);
    assert.equal(began(stage), 0);
    stage.clock.advance(1);
    assert.deepEqual(await told(stage), all, 'also while it is tried');
    await stage.offer(lane);
    assert.equal(began(stage), 1);
    stage.clock.advance(1_000);
    assert.deepEqual(await told(stage), { a: 'InFlight', b: 'InFlight', c: 'InFlight' });
  });

  it('is tried again less and less often while the API server cannot be read', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const { input, plans } = await stage.plans();
      stage.kube.intercept = (request) => {
        if (request.startsWith('list')) throw failure(503, '', 'no');
      };
      lane.offer(plans, input);
      await lane.idle();
      stage.kube.intercept = () => undefined;
      const waitMs = await dueInMs(stage);
      waits.push(waitMs);
      stage.clock.advance(waitMs);
    }
    assert.deepEqual([waits[0], waits[1], waits.at(-1)], [250, 500, 30_000]);
    assert.deepEqual(await told(stage), { a: 'StaleCaches', b: 'StaleCaches', c: 'StaleCaches' });
    await stage.offer(lane);
    assert.equal(began(stage), 1);
  });

  it('is the journal where that cannot be written, and not the reads', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    stage.kube.intercept = (request) => {
      if (request.startsWith('replace')) throw failure(422, 'Invalid', 'hands off');
    };
    await stage.offer(lane);
    assert.deepEqual(await told(stage), {
      a: 'JournalUnwritable',
      b: 'JournalUnwritable',
      c: 'JournalUnwritable',
    });
    assert.deepEqual(stage.tokens(), {});
  });

  it('is not what happened to a write that was not answered: that one may be under way', async () => {
    const stage = new Restarting();
    const lane = stage.lane();
    stage.before(/^patch .*statefulsets/, async () => {
      throw failure(0, '', 'no answer');
    });
    await stage.offer(lane);
    assert.deepEqual(await told(stage), { a: 'InFlight', b: 'InFlight', c: 'InFlight' });
    const [group = ''] = (await stage.plans()).plans.keys();
    assert.equal(stage.setbacks.ofAll(group), undefined);
  });
});
