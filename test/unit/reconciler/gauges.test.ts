/** The leader's gauges by network, as Prometheus reads them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import type { Reason } from '../../../peers/reasons/reasons.ts';
import type { World } from '../../../peers/world.ts';
import { formatJournal, type JournalEntry } from '../../../reconciler/plan/journal/journal.ts';
import type { Connections } from '../../../reconciler/plan/publish/overview.ts';
import { planRollout } from '../../../reconciler/plan/restarts/rollout.ts';
import { Gauges } from '../../../reconciler/report/gauges.ts';
import type { VALIDATOR_GAUGES } from '../../../reconciler/report/validator-gauges.ts';
import { METRICS, Metrics } from '../../../runtime/metrics.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { node, worldWith } from '../world.ts';
import { at, DISCOVERY, type Extra, inputOf, NOW_MS, networkWorld, type Spec, setOf } from './group.ts';

const QUORUM = { node: { spec: { validatorConfig: { quorumSet: setOf(['a', 'b', 'c', 'd'], 66) } } } };
const NOT_READY = { pod: { ready: false } };

class Leader {
  readonly clock = new ManualClock(NOW_MS);
  readonly metrics = new Metrics();
  #gauges = this.#newTerm();

  #newTerm(): Gauges {
    return new Gauges({ clock: this.clock, metrics: this.metrics, ownNamespace: 'stellar-peers' });
  }

  /** Another process leads from now on. */
  failOver(): void {
    this.#gauges.end();
    this.#gauges = this.#newTerm();
  }

  /** One pass over this World. */
  async pass(world: World, connections: Connections = new Map()): Promise<void> {
    const { input } = inputOf(world, { nowMs: this.clock.nowMs() });
    const plans = planRollout(input);
    const reasons = new Map<string, readonly Reason[]>(
      [...plans.values()].flatMap(({ holds }) => [...holds].map(([key, why]) => [key, [why]] as const)),
    );
    const { discovery } = input;
    for (const [key, why] of discovery.skipped) reasons.set(key, [why]);
    await this.#gauges.take({ world, discovery, plans, reasons, connections });
  }

  passed(lookInMs: number, isDeciding: boolean): void {
    this.#gauges.passed(lookInMs, isDeciding);
  }

  end(): void {
    this.#gauges.end();
  }

  /** Series of a metric, labels beside the group's as text. */
  async series(name: string): Promise<Record<string, number>> {
    const lines = (await this.metrics.render()).split('\n').filter((line) => line.startsWith(`${name}{`));
    return Object.fromEntries(
      lines.map((line) => {
        const [, labels = '', value = ''] = /\{(.*)\} (\S+)$/.exec(line) ?? [];
        return [labels.replace(/group="custom-[0-9a-f]{16}"/, 'group'), Number(value)];
      }),
    );
  }

  /** The one value of a metric in a World of one group. */
  async value(name: keyof typeof VALIDATOR_GAUGES): Promise<number | undefined> {
    return Object.values(await this.series(name))[0];
  }
}

const worldOf = (specs: Readonly<Record<string, Spec>>, extra: Extra = {}) => networkWorld(specs, extra);
const GROUP = [...discover(worldOf({ a: {} }), DISCOVERY).groups.keys()][0] ?? '';

const entry = (hoursAgo: number, more: Partial<JournalEntry> = {}): JournalEntry => ({
  ...{ statefulSet: 'stellar/a', kind: 'bump', uids: ['u'], token: `t${hoursAgo}`, drift: 'short' },
  atMs: NOW_MS - hoursAgo * 3_600_000,
  ...more,
});
const ended = (hoursAgo: number, outcome: NonNullable<JournalEntry['outcome']>): JournalEntry =>
  entry(hoursAgo, { outcome, endedAtMs: NOW_MS - hoursAgo * 3_600_000 });

describe('the gauges of a network', () => {
  it('show which validators are up, and how many more may go down', async () => {
    const leader = new Leader();
    await leader.pass(worldOf({ a: QUORUM, b: QUORUM, c: QUORUM, d: QUORUM }));
    assert.equal(await leader.value('stellar_peers_ready_validators'), 4);
    assert.equal(await leader.value('stellar_peers_quorum_margin'), 1);
    await leader.pass(worldOf({ a: QUORUM, b: QUORUM, c: QUORUM, d: { ...QUORUM, ...NOT_READY } }));
    assert.equal(await leader.value('stellar_peers_ready_validators'), 3);
    assert.equal(await leader.value('stellar_peers_quorum_margin'), 0);
    const suspended = { node: { spec: { suspended: true } } };
    await leader.pass(worldOf({ a: {}, b: suspended }));
    assert.equal(await leader.value('stellar_peers_ready_validators'), 1);
    assert.deepEqual(await leader.series('stellar_peers_validators'), {
      'group,state="active"': 1,
      'group,state="suspended"': 1,
    });
    assert.equal(await leader.value('stellar_peers_quorum_margin'), undefined, 'no quorum set can be read');
  });

  it('show the restarts in the journal, also after a failover', async () => {
    const leader = new Leader();
    const entries = [
      ended(25, 'done'),
      ...[ended(23, 'done'), ended(22, 'void'), ended(21, 'defused'), ended(20, 'notInjected'), entry(0.5)],
    ];
    const world = worldOf(
      { a: {}, b: {} },
      { journal: { [GROUP]: formatJournal(entries, NOW_MS - 3_600_000) } },
    );
    for (const failOver of [false, true]) {
      if (failOver) leader.failOver();
      await leader.pass(world);
      assert.equal(await leader.value('stellar_peers_restarts_last_day'), 3);
      assert.equal(await leader.value('stellar_peers_restarts_in_flight'), 1);
      const sinceSeconds = await leader.value('stellar_peers_restart_since_timestamp_seconds');
      assert.equal(sinceSeconds, NOW_MS / 1000 - 1_800);
    }
    await leader.pass(worldOf({ a: {}, b: {} }));
    assert.equal(await leader.value('stellar_peers_restarts_in_flight'), 0);
    assert.equal(await leader.value('stellar_peers_restart_since_timestamp_seconds'), undefined);
  });

  it('say how often all was looked at, and when it will be again: at once while a restart is decided', async () => {
    const leader = new Leader();
    const numbers = async () => {
      const page = await leader.metrics.render();
      return ['passes_total', 'next_pass_seconds'].map((name) =>
        Number(new RegExp(`^stellar_peers_${name} (.*)$`, 'm').exec(page)?.[1]),
      );
    };
    leader.passed(300_000, false);
    assert.deepEqual(await numbers(), [1, 300]);
    leader.passed(300_000, true);
    assert.deepEqual(await numbers(), [2, 0]);
    leader.passed(1_500, false);
    assert.deepEqual(await numbers(), [3, 1.5]);
    leader.end();
    assert.deepEqual(await numbers(), [3, 0], 'it does not lead any more');
  });

  it('show which validators lack peers and since when; a new leader knows this from the published lists', async () => {
    const leader = new Leader();
    const world = worldOf({ a: { knows: [] }, b: {} });
    leader.clock.advance(3_600_000);
    for (const failOver of [false, true]) {
      if (failOver) leader.failOver();
      await leader.pass(world);
      assert.equal(await leader.value('stellar_peers_drifted_validators'), 1);
      assert.equal(await leader.value('stellar_peers_drift_since_timestamp_seconds'), NOW_MS / 1000);
      leader.clock.advance(3_600_000);
    }
    await leader.pass(worldOf({ a: {}, b: {} }));
    assert.equal(await leader.value('stellar_peers_drifted_validators'), 0);
    assert.equal(await leader.value('stellar_peers_drift_since_timestamp_seconds'), undefined);
  });

  it('do not count validators as lacking peers that lack them on purpose', async () => {
    const leader = new Leader();
    const rollout = (value: string) => ({ annotations: { 'stellar.org/peer-rollout': value } });
    const specs: Readonly<Record<string, Spec>> = {
      a: { knows: [], node: rollout('OnRestart') },
      b: { knows: [], node: rollout('Signal') },
      c: { knows: [], node: rollout('paused') },
      d: { pod: { injected: false, annotations: {}, createdAt: at(1000) } },
    };
    await leader.pass(worldOf(specs, { webhookCreatedAt: at(500) }));
    assert.equal(await leader.value('stellar_peers_drifted_validators'), 1, 'the paused one');
  });

  it('show which validators are paused, by any object, and since when', async () => {
    const leader = new Leader();
    const pause = { 'stellar.org/peer-rollout': 'paused' };
    const everything = worldOf({ a: {}, b: {} }, { ownAnnotations: pause });
    const one = worldOf({ a: { node: { annotations: pause } }, b: {} });
    await leader.pass(everything);
    assert.equal(await leader.value('stellar_peers_paused_validators'), 2);
    leader.clock.advance(60_000);
    await leader.pass(one);
    assert.equal(await leader.value('stellar_peers_paused_validators'), 1);
    assert.equal(await leader.value('stellar_peers_paused_since_timestamp_seconds'), NOW_MS / 1000);
    await leader.pass(worldOf({ a: {}, b: {} }, { namespace: { annotations: pause } }));
    assert.equal(await leader.value('stellar_peers_paused_validators'), 2);
    await leader.pass(worldOf({ a: {}, b: {} }));
    assert.equal(await leader.value('stellar_peers_paused_validators'), 0);
    assert.equal(await leader.value('stellar_peers_paused_since_timestamp_seconds'), undefined);
  });

  it('say what is listed, what lives, and who knows or has least', async () => {
    const leader = new Leader();
    const world = worldOf({
      a: {},
      b: { knows: ['a'] },
      c: {},
      d: { pod: 'none' },
      e: { knows: [], pod: { phase: 'Pending' } },
      // Without its stamp it does not say what it knows.
      f: { pod: { annotations: {} } },
    });
    const connection = (connected: number) => ({ connected, expected: 3, synced: true });
    await leader.pass(
      world,
      new Map([
        ['stellar/a-0', connection(3)],
        ['stellar/c-0', connection(2)],
      ]),
    );
    assert.equal(await leader.value('stellar_peers_listed_peers'), 6);
    assert.equal(await leader.value('stellar_peers_live_peers'), 4);
    assert.equal(await leader.value('stellar_peers_fewest_known_peers'), 1);
    assert.equal(await leader.value('stellar_peers_fewest_connected_peers'), 2);
  });

  it('say what waits for what since when, and begin anew with each reason', async () => {
    const leader = new Leader();
    const lacking: Readonly<Record<string, Spec>> = { a: { knows: [] }, b: {}, c: NOT_READY };
    const since = () => leader.series('stellar_peers_waiting_since_timestamp_seconds');
    await leader.pass(worldOf(lacking));
    leader.clock.advance(600_000);
    await leader.pass(worldOf(lacking));
    const waiting = 'group,reason="WaitingForUnavailable"';
    assert.deepEqual(await since(), { [waiting]: NOW_MS / 1000 });
    assert.deepEqual(await leader.series('stellar_peers_group_waiting'), { [waiting]: 1 });
    await leader.pass(worldOf(lacking, { ownAnnotations: { 'stellar.org/peer-rollout': 'paused' } }));
    assert.deepEqual(await since(), { 'group,reason="Paused"': NOW_MS / 1000 + 600 });
  });

  it('say what each network is called, a private one without its passphrase', async () => {
    const leader = new Leader();
    const networks = [
      { network: 'testnet' },
      { network: 'custom', customNetworkPassphrase: 'a "net" ; $& 2026' },
    ];
    await leader.pass(worldWith({ nodes: networks.map((spec, index) => node(`n${index}`, { spec })) }));
    assert.deepEqual(await leader.series('stellar_peers_network_info'), {
      'group="",title="in no network"': 1,
      'group="testnet",title="testnet"': 1,
      'group,title="stellar (custom-f415add1cfdebc9f)"': 1,
    });
  });

  it('leave out the group where a StellarNode is in none', async () => {
    const leader = new Leader();
    const world = worldWith({ nodes: [node('a'), node('odd', { spec: { network: 7 } })] });
    await leader.pass(world);
    assert.deepEqual(await leader.series('stellar_peers_group_waiting'), {
      'group="",reason="UnreadableNetwork"': 1,
    });
  });

  it('are removed when the term of the leader is over', async () => {
    const leader = new Leader();
    await leader.pass(worldOf({ a: { knows: [] }, b: {} }));
    leader.end();
    const lines = (await leader.metrics.render()).split('\n').filter((line) => line.includes('group='));
    assert.deepEqual(lines, []);
  });

  it('are of 101 series at most, by any number of networks; what is over all is in them', async () => {
    const leader = new Leader();
    const nodes = Array.from({ length: 300 }, (_, index) =>
      node(`m${index}`, { spec: { network: 'custom', customNetworkPassphrase: `net ${index}` } }),
    );
    await leader.pass(worldWith({ nodes }));
    const listed = await leader.series('stellar_peers_listed_peers');
    const text = await leader.metrics.render();
    for (const name of Object.keys(METRICS)) {
      const count = text.split('\n').filter((line) => line.startsWith(`${name}{`)).length;
      assert.ok(count <= 202, `${name}: ${count}`);
    }
    assert.match(text, /^stellar_peers_listed_peers\{group="other"\} 200$/m);
    assert.ok(Object.keys(listed).length <= 101);
  });
});
