import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Reason, type ReasonCode, reason } from '../../../peers/reasons/reasons.ts';
import { atOnce } from '../../../peers/steps.ts';
import { Reporter } from '../../../reconciler/report/reporter.ts';
import { Events } from '../../../runtime/kube/resources.ts';
import { Metrics } from '../../../runtime/metrics.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { failure, MemoryKube } from '../stand-ins/memory-kube.ts';
import { node, worldWith } from '../world.ts';
import { NOW_MS } from './group.ts';

const WORLD = worldWith({
  nodes: [
    node('a'),
    node('b'),
    node('odd', { spec: { network: 7 } }),
    node('other', { spec: { nodeType: 'Horizon' } }),
  ],
});

const waiting = (reasons: Readonly<Record<string, ReasonCode | Reason>>) =>
  new Map(
    Object.entries(reasons).map(([name, why]): [string, readonly Reason[]] => [
      `stellar/${name}`,
      [typeof why === 'string' ? reason(why) : why],
    ]),
  );

function setUp() {
  const kube = new MemoryKube();
  const clock = new ManualClock(NOW_MS);
  const log = new CapturedLog();
  const metrics = new Metrics();
  const reporter = new Reporter({ kube, clock, log, metrics, instance: 'replica-1' });
  const events = async () => {
    const { items } = await kube.list(Events);
    return items.map(
      (event) => ({ ...event, name: (event.regarding as { name: string }).name }) as Record<string, unknown>,
    );
  };
  const held = async () => {
    const lines = (await metrics.render()).split('\n');
    return lines.filter((line) => line.startsWith('stellar_peers_waiting{'));
  };
  return { kube, clock, log, metrics, reporter, events, held };
}

describe('why something is not done', () => {
  it('is written once as an Event of the StellarNode, with a hint what would end the wait', async () => {
    const { reporter, events, log } = setUp();
    for (let pass = 0; pass < 5; pass += 1) {
      atOnce(
        reporter.reportSteps(
          WORLD,
          waiting({ a: reason('WaitingForUnavailable', 'stellar/b is not Ready') }),
        ),
      );
    }
    const [event, ...more] = await events();
    assert.deepEqual(more, []);
    assert.equal(event?.name, 'a');
    assert.deepEqual(event?.regarding, {
      apiVersion: 'stellar.org/v1alpha1',
      kind: 'StellarNode',
      namespace: 'stellar',
      name: 'a',
      uid: 'node-a',
    });
    assert.deepEqual(
      [event?.type, event?.reason, event?.action],
      ['Warning', 'WaitingForUnavailable', 'Hold'],
    );
    assert.match(String(event?.note), /stellar\/b is not Ready.*Bring the validators/);
    assert.equal(event?.reportingInstance, 'replica-1');
    assert.equal(event?.eventTime, '2026-06-01T00:00:00.000000Z');
    assert.equal(log.lines.filter(({ fields }) => fields.node === 'stellar/a').length, 1);
  });

  it('is written again when the reason changes, ends and comes back', async () => {
    const { reporter, events } = setUp();
    for (const each of [{ a: 'Paused' }, { a: 'Stabilizing' }, {}, {}, { a: 'Stabilizing' }] as const) {
      atOnce(reporter.reportSteps(WORLD, waiting(each)));
      await events();
    }
    const told = (await events()).map((event) => event.reason);
    assert.deepEqual(told, ['Paused', 'Stabilizing', 'Stabilizing']);
  });

  it('is no warning if no action is needed', async () => {
    const { reporter, events } = setUp();
    atOnce(reporter.reportSteps(WORLD, waiting({ a: 'InFlight', b: 'Paused' })));
    assert.deepEqual(
      (await events()).map((event) => [event.name, event.type]),
      [
        ['a', 'Normal'],
        ['b', 'Warning'],
      ],
    );
  });

  it('is written for a StellarNode that cannot be read, but not for one that is no validator', async () => {
    const { reporter, events } = setUp();
    atOnce(
      reporter.reportSteps(WORLD, waiting({ odd: 'UnreadableNetwork', other: 'Paused', gone: 'Paused' })),
    );
    assert.deepEqual(
      (await events()).map((event) => event.name),
      ['odd'],
    );
  });

  it('is counted by reason in the metrics, as of now', async () => {
    const { reporter, held } = setUp();
    atOnce(reporter.reportSteps(WORLD, waiting({ a: 'Paused', b: 'Paused', odd: 'UnreadableNetwork' })));
    assert.deepEqual(await held(), [
      'stellar_peers_waiting{reason="Paused"} 2',
      'stellar_peers_waiting{reason="UnreadableNetwork"} 1',
    ]);
    atOnce(reporter.reportSteps(WORLD, waiting({ a: 'Stabilizing' })));
    assert.deepEqual(await held(), ['stellar_peers_waiting{reason="Stabilizing"} 1']);
    reporter.end();
    assert.deepEqual(await held(), []);
  });
});

describe('after a change of leader', () => {
  /** Another process, which remembers nothing, over the same cluster. */
  const successor = ({ kube, clock, log, metrics }: ReturnType<typeof setUp>) =>
    new Reporter({ kube, clock, log, metrics, instance: 'replica-2' });

  it('no Event is repeated that exists already', async () => {
    const stage = setUp();
    const found = waiting({
      a: reason('WaitingForUnavailable', 'stellar/b is not Ready'),
      odd: 'UnreadableNetwork',
    });
    atOnce(stage.reporter.reportSteps(WORLD, found));
    await stage.events();
    const next = successor(stage);
    // A new leader begins with its own caution.
    atOnce(next.reportSteps(WORLD, waiting({ a: 'Stabilizing', odd: 'UnreadableNetwork' })));
    atOnce(next.reportSteps(WORLD, found));
    const told = (await stage.events()).map((event) => `${event.name} ${event.reason}`);
    assert.deepEqual(told, ['a WaitingForUnavailable', 'odd UnreadableNetwork', 'a Stabilizing']);
    assert.deepEqual(stage.log.with(/an Event was not written/), []);
  });

  it('a reason that changed, or happens again, is written', async () => {
    const stage = setUp();
    atOnce(
      stage.reporter.reportSteps(
        WORLD,
        waiting({ a: reason('WaitingForUnavailable', 'stellar/b is not Ready') }),
      ),
    );
    const next = successor(stage);
    const paused = waiting({ a: 'Paused' });
    const others = waiting({ a: reason('WaitingForUnavailable', 'stellar/c is not Ready') });
    for (const each of [others, paused, others]) {
      atOnce(next.reportSteps(WORLD, each));
      await stage.events();
    }
    assert.deepEqual(
      (await stage.events()).map((event) => event.reason),
      ['WaitingForUnavailable', 'WaitingForUnavailable', 'Paused', 'WaitingForUnavailable'],
    );
  });

  it('a new StellarNode with the same name gets Events of its own', async () => {
    const stage = setUp();
    atOnce(stage.reporter.reportSteps(WORLD, waiting({ a: 'Paused' })));
    await stage.events();
    const again = node('a');
    again.metadata.uid = 'node-a-anew';
    atOnce(successor(stage).reportSteps(worldWith({ nodes: [again] }), waiting({ a: 'Paused' })));
    const uids = (await stage.events()).map((event) => (event.regarding as { uid: string }).uid);
    assert.deepEqual(uids, ['node-a', 'node-a-anew']);
  });
});

describe('Events', () => {
  it('of first lists leave room for what matters more', async () => {
    const { clock, reporter, events } = setUp();
    const newcomers = Array.from({ length: 100 }, () => ({
      key: 'stellar/a',
      namespace: 'stellar',
      peers: 2,
    }));
    reporter.reportPublished(WORLD, newcomers);
    atOnce(reporter.reportSteps(WORLD, waiting({ b: 'Paused' })));
    const told = (await events()).map((event) => event.reason);
    assert.deepEqual([told.filter((each) => each === 'PeersPublished').length, told.at(-1)], [60, 'Paused']);
    clock.advance(60_000);
    reporter.reportPublished(WORLD, newcomers);
    assert.equal((await events()).length, 121);
  });

  const story = { type: 'Normal', action: 'Restart', reason: 'Restarting', note: 'n' } as const;

  it('are at most 150 a minute in one namespace, however bad the day; the log misses nothing', async () => {
    const { clock, log, reporter, events } = setUp();
    for (const minute of [1, 2]) {
      for (let pass = 0; pass < 700; pass += 1) {
        atOnce(reporter.reportSteps(WORLD, waiting({ a: pass % 2 === 0 ? 'Paused' : 'Stabilizing' })));
      }
      assert.equal((await events()).length, minute * 150);
      assert.equal(log.lines.length, minute * 700);
      clock.advance(60_000);
    }
  });

  it('are written one in each step, because admission waits meanwhile, and none is lost', () => {
    const names = Array.from({ length: 1_300 }, (_, index) => `n${index}`);
    const world = worldWith({ nodes: names.map((name) => node(name)) });
    const reasons = new Map(names.map((name) => [`stellar/${name}`, [reason('Paused')]]));
    const { log, reporter } = setUp();
    const steps = reporter.reportSteps(world, reasons);
    steps.next();
    assert.equal(log.lines.length, 1);
    atOnce(steps);
    assert.equal(new Set(log.lines.map((line) => JSON.stringify(line))).size, 1_300);
    assert.equal(reporter.retryInMs(), 60_000);
  });

  it('of one namespace leave room for those of others, however often its reasons change', async () => {
    const names = Array.from({ length: 400 }, (_, index) => `n${index}`);
    const world = worldWith({
      nodes: [...names.map((name) => node(name, { namespace: 'acme' })), node('a')],
    });
    const { clock, reporter, events } = setUp();
    for (let pass = 0; pass < 6; pass += 1) {
      const flipping = reason(pass % 2 === 0 ? 'Paused' : 'Stabilizing');
      const reasons = new Map(names.map((name) => [`acme/${name}`, [flipping]]));
      atOnce(reporter.reportSteps(world, reasons.set('stellar/a', [reason('Paused')])));
      if (pass === 2) clock.advance(60_000);
    }
    const told = await events();
    assert.equal(told.filter(({ name }) => name === 'a').length, 1);
    assert.ok(told.length >= 300, 'and uses what others do not need');
  });

  it('that found no room in their minute are written in the next, once, though nothing changes', async () => {
    const { clock, log, reporter, events } = setUp();
    for (let index = 0; index < 300; index += 1) reporter.tell(WORLD, 'stellar/a', story);
    atOnce(reporter.reportSteps(WORLD, waiting({ a: 'Paused', b: 'Paused' })));
    const told = async () => (await events()).filter((event) => event.reason === 'Paused');
    assert.deepEqual([await told(), reporter.retryInMs()], [[], 60_000]);
    clock.advance(60_000);
    for (let pass = 0; pass < 3; pass += 1)
      atOnce(reporter.reportSteps(WORLD, waiting({ a: 'Paused', b: 'Paused' })));
    assert.deepEqual((await told()).map((event) => event.name).sort(), ['a', 'b']);
    assert.equal(reporter.retryInMs(), undefined);
    assert.equal(log.lines.length, 2, 'the log was told at once');
  });

  it('that found no room are not written where their reason has gone meanwhile', async () => {
    const { clock, reporter, events } = setUp();
    for (let index = 0; index < 300; index += 1) reporter.tell(WORLD, 'stellar/a', story);
    atOnce(reporter.reportSteps(WORLD, waiting({ a: 'Paused' })));
    atOnce(reporter.reportSteps(WORLD, waiting({})));
    clock.advance(60_000);
    atOnce(reporter.reportSteps(WORLD, waiting({})));
    assert.deepEqual([(await events()).length, reporter.retryInMs()], [150, undefined]);
  });

  it('keep within what the API server takes', async () => {
    const { reporter, events } = setUp();
    const name = 'a'.repeat(253);
    reporter.tell(worldWith({ nodes: [node(name)] }), `stellar/${name}`, {
      ...story,
      note: 'x'.repeat(5_000),
    });
    const [event] = await events();
    const { metadata, note } = event as { metadata: { name: string; namespace: string }; note: string };
    assert.ok(metadata.name.length <= 253, metadata.name);
    assert.match(metadata.name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
    assert.equal(metadata.namespace, 'stellar');
    assert.equal(note.length, 1_024);
  });

  it('that cannot be written harm nothing', async () => {
    const { kube, log, reporter, events, held } = setUp();
    kube.intercept = (request) => {
      if (request.startsWith('create')) throw failure(403, 'Forbidden', 'no Events for you');
    };
    atOnce(reporter.reportSteps(WORLD, waiting({ a: 'Paused' })));
    assert.deepEqual(await events(), []);
    assert.deepEqual(await held(), ['stellar_peers_waiting{reason="Paused"} 1']);
    assert.equal(log.with(/an Event was not written/).length, 1);
  });
});
