/**
 * Several networks over several namespaces, while the API server and the leader are killed. The expected result follows
 * only from names, and a separate watch counts the real restarts.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { ourRefusals } from '../cluster/audit.ts';
import { runCommand } from '../cluster/command.ts';
import { digestOf, leaderOf } from '../cluster/network.ts';
import { quorumSpec } from '../cluster/quorum-sets.ts';
import { createScene, createValidator, SHORT } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { startedScene } from '../cluster/shared-scene.ts';
import { journalOf, metricOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const NAMESPACES = ['org-1', 'org-2', 'org-3', 'org-4', 'org-5'];
const SMALL = ['alpha', 'beta', 'gamma'];
const SMALL_SIZE = 8;
const LARGE_SIZE = 30;
/** A list holds a whole network here, so in the large network every validator lacks the newcomer. */
const ENV = { MAX_RESTARTS_PER_HOUR: '100', MAX_PEERS: '40' };

interface Seat {
  readonly network: string;
  readonly namespace: string;
  readonly name: string;
}

/** Deals validators to networks and namespaces in turn. So names repeat, and each namespace has all networks. */
function deal(networks: readonly string[], count: number, prefix: string): Seat[] {
  return Array.from({ length: count }, (_, index) => ({
    network: networks[index % networks.length] ?? '',
    namespace: NAMESPACES[index % NAMESPACES.length] ?? '',
    name: `${prefix}-${Math.floor(index / NAMESPACES.length) + 1}`,
  }));
}

const smallSeats = deal(SMALL, (SMALL_SIZE + 1) * SMALL.length, 'validator');
const largeSeats = deal(['large'], LARGE_SIZE + 1, 'member');
const SEATS = [...smallSeats, ...largeSeats];
/** The last seat of each network stays empty at first. */
const JOINERS = [...smallSeats.slice(-SMALL.length), ...largeSeats.slice(-1)];
const FOUNDERS = SEATS.filter((seat) => !JOINERS.includes(seat));

const podOf = ({ namespace, name }: Seat): string => `${namespace}/${name}-0`;
const networkOf = new Map(SEATS.map((seat) => [podOf(seat), seat.network]));
const once = (seats: readonly Seat[]) => Object.fromEntries(seats.map((seat) => [podOf(seat), 1]));
const inNetworks = (seats: readonly Seat[], networks: readonly string[]): Seat[] =>
  seats.filter(({ network }) => networks.includes(network));

/** The stamp of a pod that knows all others of its network among `seats`. */
function stampOf(seat: Seat, seats: readonly Seat[]): string {
  const others = seats.filter((other) => other.network === seat.network && other !== seat);
  const digests = others.map(({ namespace, name }) => digestOf(namespace, name));
  return `v1:${digests.sort().join()}`;
}

describe('networks over namespaces', () => {
  const scene = startedScene(() => createScene({ env: ENV }));
  let joinedAtMs = 0;
  let wideAtMs = 0;
  const outages: Array<{ readonly sinceMs: number; readonly untilMs: number }> = [];

  const add = (seat: Seat) => {
    const { network, namespace, name } = seat;
    const size = SEATS.filter((other) => other.network === network).length;
    const spec = { customNetworkPassphrase: `${network} ; 2026`, ...quorumSpec(size, 66) };
    return createValidator(scene, name, { namespace, spec });
  };
  const knows = (seat: Seat, seats: readonly Seat[]): boolean => {
    const stamp = scene.pods.pods.get(podOf(seat))?.metadata.annotations?.['stellar.org/peers'];
    return stamp === stampOf(seat, seats) && scene.pods.isReady(podOf(seat));
  };
  /** A failure names the validators that do not know their network, and why they wait. */
  async function untilTheyKnow(seats: readonly Seat[], among: readonly Seat[], deadlineMs: number) {
    const isDone = () => seats.every((seat) => knows(seat, among));
    try {
      await scene.pods.until(`all ${seats.length} know their networks`, isDone, deadlineMs);
    } catch (cause) {
      const { stdout } = await runCommand(scene.cluster, ['status'], { ...SHORT, ...ENV });
      const told = stdout.split('\n').filter((line) => !line.includes(' Current '));
      const ignorant = seats.filter((seat) => !knows(seat, among)).map(podOf);
      throw new Error(`do not know their networks: ${ignorant.join(', ')}\n${told.join('\n')}`, { cause });
    }
  }
  const restarts = (): number => Object.values(scene.pods.restarts()).reduce((sum, count) => sum + count, 0);
  const untilRestarts = (count: number) =>
    scene.pods.until(`${count} restarts have begun`, () => restarts() >= count, 120_000);
  const plan = async (...set: string[]) => {
    const args = ['rollout', 'plan', ...set.flatMap((text) => ['--set', text])];
    return (await runCommand(scene.cluster, args, { ...SHORT, ...ENV })).stdout;
  };

  const isUnderWay = (seat: Seat): boolean => !scene.pods.isReady(podOf(seat));

  /** Waits, while the API server is away, until the leader's Lease is over by its own clock. */
  async function untilNobodyLeads(): Promise<void> {
    const { replicas } = scene.replicas ?? assert.fail();
    await until('no replica leads', async () => (await metricOf(replicas, 'stellar_peers_leader')) === 0);
  }

  /** Kills the API server at any moment of a restart. */
  async function killApiServer(): Promise<void> {
    await scene.pods.until('a pod is being replaced', () => SEATS.some(isUnderWay));
    const sinceMs = Date.now();
    await scene.cluster.restartApiServer(untilNobodyLeads);
    outages.push({ sinceMs, untilMs: Date.now() });
  }

  /**
   * Kills the leader in the middle of a restart, but only while all pods exist. If a replica dies during the review of a pod,
   * the pod starts without peers, and is rightly restarted a second time.
   */
  async function killLeader(): Promise<void> {
    assert.ok(scene.replicas);
    const leader = await leaderOf(scene.replicas);
    const isToCome = (seat: Seat): boolean => {
      const pod = scene.pods.pods.get(podOf(seat));
      return pod === undefined || pod.metadata.deletionTimestamp !== undefined;
    };
    await scene.pods.until(
      'a restart is under way, and all pods exist',
      () => SEATS.some(isUnderWay) && !SEATS.some(isToCome),
    );
    leader.kill('SIGKILL');
    scene.replicas.use(scene.replicas.replicas.filter((replica) => replica !== leader));
  }

  before(async () => {
    await Promise.all(NAMESPACES.map((namespace) => scene.cluster.createNamespace(namespace)));
    await Promise.all(FOUNDERS.map(add));
    await untilTheyKnow(FOUNDERS, FOUNDERS, 120_000);
    await settled(scene);
  });

  it('are founded without a single restart', () => {
    for (const network of SMALL) assert.equal(inNetworks(FOUNDERS, [network]).length, SMALL_SIZE);
    assert.equal(inNetworks(FOUNDERS, ['large']).length, LARGE_SIZE);
    for (const { name } of smallSeats.slice(0, NAMESPACES.length)) assert.equal(name, 'validator-1');
    assert.deepEqual(scene.pods.restarts(), {});
  });

  it('of eight validators: each is restarted once when one joins, while API server and leader are killed', async () => {
    joinedAtMs = Date.now();
    await Promise.all(JOINERS.map(add));
    await untilRestarts(4);
    await killApiServer();
    await untilRestarts(12);
    await killLeader();
    const small = inNetworks(SEATS, SMALL);
    await untilTheyKnow(small, SEATS, 120_000);
    await settled(scene);
    const wanted = once(inNetworks(FOUNDERS, SMALL));
    assert.equal(Object.keys(wanted).length, SMALL.length * SMALL_SIZE);
    assert.ok(restarts() > 0);
    assert.deepEqual(
      scene.pods.restarts(),
      wanted,
      'each validator once, but no newcomer, and none of the large network',
    );
  });

  it('of thirty validators: none is restarted for one more; the plan names those that ROLL_BELOW=all would restart', async () => {
    assert.match(await plan(), /^No validator is to be restarted\./);
    const wide = await plan('ROLL_BELOW=all');
    assert.match(wide, /^30 restarts, the last of them over in about 5 h \d+ min if all goes well\.$/m);
    for (const { namespace, name } of inNetworks(FOUNDERS, ['large']))
      assert.match(wide, new RegExp(` ${namespace}/${name} +bump +short `));
  });

  it('of thirty validators: each is restarted once with ROLL_BELOW=all, while API server and leader are killed', async () => {
    const before = restarts();
    await scene.replicas?.stop();
    wideAtMs = Date.now();
    await scene.start(2, { ROLL_BELOW: 'all' });
    await untilRestarts(before + 8);
    await killApiServer();
    await untilRestarts(before + 18);
    await killLeader();
    await untilTheyKnow(SEATS, SEATS, 180_000);
    await settled(scene);
    assert.equal(restarts() - before, LARGE_SIZE);
    assert.deepEqual(
      scene.pods.restarts(),
      once(FOUNDERS),
      'each validator of the large network once, and no other again',
    );
  });

  it('never had two validators of a network down at once', () => {
    const group = (pod: string) => networkOf.get(pod);
    assert.deepEqual(scene.pods.maxDown(group, { sinceMs: joinedAtMs, untilMs: wideAtMs }), {
      alpha: 1,
      beta: 1,
      gamma: 1,
      large: 0,
    });
    assert.deepEqual(scene.pods.maxDown(group, { sinceMs: wideAtMs }), { large: 1 });
  });

  it('have all their restarts in the journal, and every restart ended well', async () => {
    // A restart whose request was lost with the API server did not happen, and is void in the journal.
    const entries = await journalOf(scene.cluster, ({ outcome }) => outcome !== 'void');
    assert.deepEqual(
      entries.map(({ statefulSet, outcome }) => `${statefulSet} ${outcome}`).sort(),
      FOUNDERS.map(({ namespace, name }) => `${namespace}/${name} done`).sort(),
    );
  });

  it('need no request that RBAC refuses', async () => {
    // An API server that is not ready yet has not read the roles, and refuses everything.
    const isStarting = (atMs: number) =>
      outages.some(({ sinceMs, untilMs }) => atMs >= sinceMs && atMs <= untilMs);
    const audit = await scene.cluster.audit();
    assert.deepEqual(ourRefusals(audit.filter(({ atMs }) => !isStarting(atMs))), []);
  });
});
