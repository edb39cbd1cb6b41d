/**
 * `make soak`: for SOAK_MINUTES, plays all faults in random order, while validators join and leave and pods are created all
 * the time. Prints the results, and exits with 1 if a promise was broken. SEED=n repeats the order.
 */
import process from 'node:process';
import { bootCluster } from '../cluster/boot.ts';
import { Rollable } from '../cluster/endpoints.ts';
import { startFaultyProxy } from '../cluster/faulty-proxy.ts';
import { startFront } from '../cluster/front.ts';
import { installManifests } from '../cluster/install.ts';
import { startOperator } from '../cluster/operator.ts';
import { PodWatcher } from '../cluster/pods.ts';
import { SHORT } from '../cluster/scene.ts';
import { journalOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';
import { Load } from '../load/load.ts';
import { Random } from '../sim/random.ts';
import { type Fault, faultsOn } from './faults.ts';
import { Members } from './members.ts';
import { faultTable, promiseTable, type Row } from './table.ts';
import { CallWitness, memoryMiB } from './witness.ts';

const minutes = Number(process.env.SOAK_MINUTES || 10);
const seed = Number(process.env.SEED || Math.floor(Math.random() * 1_000_000));
/** Leaves the two cores something for the control plane, which the faults make busy. */
const PER_SECOND = 100;
/** The Deployment's limit. */
const MEMORY_MIB_MAX = 256;
const ENV = {
  ...SHORT,
  DRAIN_SECONDS: '2',
  MAX_RESTARTS_PER_HOUR: '1000',
  CERT_LIFETIME_SECONDS: '120',
  CA_LIFETIME_SECONDS: '400',
  CA_OVERLAP_SECONDS: '10',
  CA_RETIRE_SECONDS: '30',
};

const startedAtMs = Date.now();
const say = (text: string): void => {
  const seconds = Math.round((Date.now() - startedAtMs) / 1000);
  process.stdout.write(`${String(seconds).padStart(5)} s  ${text}\n`);
};

/** Everything that the soak needs, and how it is taken down. */
async function prepare(random: Random) {
  const cluster = await bootCluster();
  const front = await startFront();
  const operator = startOperator(cluster.admin);
  const pods = new PodWatcher(cluster.admin, 'stellar.org/node-type=Validator');
  await installManifests(cluster, { webhookUrl: `https://127.0.0.1:${front.port}/mutate-pods` });
  const proxy = await startFaultyProxy(cluster, { seed: random.int(1, 1_000_000), share: 0 });
  const ours = new Rollable(cluster, front, { env: { ...ENV, KUBECONFIG: proxy.kubeconfig } });
  await Promise.all([ours.add(), ours.add()]);
  const members = new Members({ cluster, pods });
  await members.found();
  const load = await Load.start(cluster, members.first, PER_SECOND);
  const calls = new CallWitness(cluster);
  const stop = async () => {
    await load.stop();
    await calls.stop();
    await members.stop();
    await ours.stop();
    await pods.stop();
    await operator.stop();
    await proxy.stop();
    await cluster.stop();
    await front.stop();
  };
  return { cluster, ours, proxy, pods, members, load, calls, stop };
}

type Stage = Awaited<ReturnType<typeof prepare>>;

/** Faults in random order, each of them before any comes again, until the time is up. */
async function breakThings({ calls, ...stage }: Stage, random: Random, endsAtMs: number): Promise<Row[]> {
  const faults = faultsOn({ ...stage, random });
  const rows = new Map<Fault, Row>(
    faults.map((fault) => [
      fault,
      { fault: fault.name, mayFail: fault.mayFail, times: 0, calls: 0, failed: 0 },
    ]),
  );
  let due: Fault[] = [];
  while (Date.now() < endsAtMs) {
    if (due.length === 0) due = [...faults];
    const [fault] = due.splice(random.int(0, due.length - 1), 1);
    const row = fault && rows.get(fault);
    if (!row) continue;
    const before = await calls.counts();
    await fault.run();
    // What it broke is whole again, and late consequences are its own.
    await Promise.all(stage.ours.replicas.map((replica) => replica.ready()));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const after = await calls.counts();
    row.times += 1;
    row.calls += after.called - before.called;
    row.failed += after.failedOpen - before.failedOpen;
    say(
      `${fault.name}: ${after.called - before.called} calls, ${after.failedOpen - before.failedOpen} failed`,
    );
  }
  return [...rows.values()];
}

/** Validators that come and go, and pods deleted by hand, each settled before the next. */
async function changeThings({ members }: Stage, random: Random, endsAtMs: number): Promise<number> {
  let changes = 0;
  while (Date.now() < endsAtMs) {
    const what = random.chance(0.7)
      ? await members.change()
      : await members.deletePod((names) => random.pick(names));
    await members.converged();
    changes += 1;
    say(`${what}; all know each other`);
  }
  return changes;
}

async function promises(stage: Stage, rows: readonly Row[], sinceMs: number) {
  const { cluster, members, ours } = stage;
  const { counted, expected } = members.restarts();
  const down = members.mostDown(sinceMs);
  const isOver = async () => (await journalOf(cluster)).every(({ outcome }) => outcome !== undefined);
  await until('the last restart is closed in the journal', isOver);
  const ended = await journalOf(cluster);
  const badly = ended.filter(
    ({ outcome = 'open' }) => !['done', 'void', 'unwitnessed', 'gone'].includes(outcome),
  );
  const failed = rows.filter(({ mayFail }) => !mayFail).reduce((sum, row) => sum + row.failed, 0);
  const memory = ours.replicas.map(memoryMiB);
  return [
    { promise: 'no call fails that could succeed', found: `${failed} failed`, kept: failed === 0 },
    {
      promise: 'restarts as many as were needed',
      found: `${counted}, ${expected} needed`,
      kept: counted === expected,
    },
    { promise: 'one validator down at a time', found: `at most ${down}`, kept: down <= 1 },
    {
      promise: 'every restart ends well',
      found: `${badly.length} of ${ended.length} did not`,
      kept: badly.length === 0,
    },
    {
      promise: `a replica stays below ${MEMORY_MIB_MAX} MiB`,
      found: `${memory.join(' and ')} MiB at the end`,
      kept: memory.every((mib) => mib < MEMORY_MIB_MAX),
    },
  ];
}

async function main(): Promise<boolean> {
  const random = new Random(seed);
  say(`faults for ${minutes} min, SEED=${seed}; first a control plane, two replicas, three validators`);
  const stage = await prepare(random);
  const sinceMs = Date.now();
  const memory = stage.ours.replicas.map(memoryMiB);
  say(`all know each other; at most ${PER_SECOND} reviews a second; memory ${memory.join(' and ')} MiB`);
  const endsAtMs = Date.now() + minutes * 60_000;
  const [rows, changes] = await Promise.all([
    breakThings(stage, random.fork('faults'), endsAtMs),
    changeThings(stage, random.fork('members'), endsAtMs),
  ]);
  await stage.members.converged();
  const kept = await promises(stage, rows, sinceMs);
  const { called, failedOpen } = await stage.calls.counts();
  await stage.stop();
  const faults = rows.reduce((sum, { times }) => sum + times, 0);
  process.stdout.write(`\n${faultTable(rows)}\n\n`);
  process.stdout.write(`${faults} faults and ${changes} changes of the network survived; `);
  process.stdout.write(`${called - failedOpen} reviews served, ${failedOpen} failed; `);
  process.stdout.write(`memory ${memory.join(' and ')} MiB at the start\n\n${promiseTable(kept)}\n`);
  return kept.every((promise) => promise.kept);
}

main().then(
  (isKept) => {
    process.exitCode = isKept ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\nSEED=${seed}\n`);
    process.exit(1);
  },
);
