/**
 * `make bench-cluster`: many validators on a real control plane with simulated nodes: how fast they are published and
 * admitted, what we ask of the API server, what we cost at rest under an operator as noisy as upstream's, and a failover.
 * VALIDATORS=100,1000 and NOISE_SECONDS=300 are the defaults; `-o json` prints one object in place of the table.
 */
import { cpus } from 'node:os';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ourRequests } from '../cluster/audit.ts';
import { leaderOf } from '../cluster/network.ts';
import type { Replica } from '../cluster/replica.ts';
import { createScene, type Scene } from '../cluster/scene.ts';
import { until } from '../cluster/until.ts';
import {
  applyAll,
  bareEchoMs,
  changePort,
  joinOne,
  type Place,
  Publications,
  podOf,
} from './cluster-load.ts';
import { cpuMs, memoryMib } from './processes.ts';
import { type Ratio, type Result, rounded } from './result.ts';
import { median } from './rounds.ts';

const SIZES = (process.env.VALIDATORS || '100,1000').split(',').map(Number);
const NOISE_SECONDS = Number(process.env.NOISE_SECONDS || 300);
/** Both writers of the upstream operator, at its pace; with more validators than this it is the API server that is measured. */
const NOISE = { nodeStatusMs: 1000, statefulSetMs: 3000 };
const NOISY_SIZE_MAX = 100;
const JOINS = 20;
/** While an operator is noisy; one alone may meet the API server at a moment when it is busy with itself. */
const CHANGES = 15;
/** Of one namespace and one network; upstream's anti-affinity wants a node for each. */
const NETWORK_SIZE = 100;
/** As the image starts it. */
const PROGRAM = ['--max-semi-space-size=4', 'dist/stellar-peers.mjs', 'run'];
/** As shipped, but for what would make a wrong restart come only after minutes. */
const ENV = { LEASE_DURATION_SECONDS: '15', REQUEST_TIMEOUT_SECONDS: '5' };

const tell = (text: string): void => void process.stderr.write(`${text}\n`);

/** Those beyond `size` join the networks that are there. */
const placeOf = (index: number, size: number): Place => ({
  name: `validator-${index + 1}`,
  namespace: `stellar-${Math.floor((index % size) / NETWORK_SIZE) + 1}`,
});

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

interface Stage {
  readonly scene: Scene;
  readonly publications: Publications;
  readonly size: number;
}

type Figures = Record<string, number | string>;

/** All at once: how long until all is published and Ready, and whether any is restarted then or after. */
async function bulk({ scene, publications, size }: Stage): Promise<Figures> {
  tell(`${size} validators are applied at once`);
  const places = Array.from({ length: size }, (_, index) => placeOf(index, size));
  const appliedAtMs = await applyAll(scene.cluster, places);
  const firstMs = Math.min(...appliedAtMs.values());
  await until('all are published', () => places.every((place) => publications.atMs(place) !== undefined), {
    deadlineMs: 300_000,
  });
  const isReady = (place: Place) => scene.pods.isReady(podOf(place));
  await scene.pods.until('all are Ready', () => places.every(isReady), 900_000);
  const readyMs = performance.now() - firstMs;
  await delay(15_000);
  const waits = places.map((place) => (publications.atMs(place) ?? 0) - (appliedAtMs.get(place) ?? 0));
  return {
    'at once: applied to published, p50 ms': rounded(median(waits), 0),
    'at once: applied to published, p99 ms': rounded(percentile(waits, 0.99), 0),
    'at once: until all are Ready, s': rounded(readyMs / 1000, 1),
    'at once: restarts': Object.values(scene.pods.restarts()).reduce((sum, count) => sum + count, 0),
  };
}

/** One after the other joins those who are there. */
async function joins({ scene, publications, size }: Stage) {
  tell(`${JOINS} more join, one by one`);
  const joined = [];
  const bare = [];
  for (let index = 0; index < JOINS; index += 1) {
    bare.push(await bareEchoMs(scene.cluster, `echo-${index}`));
    joined.push(
      await joinOne(scene.cluster, { place: placeOf(size + index, size), publications, pods: scene.pods }),
    );
  }
  const published = joined.map(({ publishedMs }) => publishedMs);
  const admitted = joined.map(({ admittedMs }) => admittedMs);
  const figures: Figures = {
    'join: applied to published, p50 ms': rounded(median(published), 0),
    'join: applied to published, p99 ms': rounded(percentile(published, 0.99), 0),
    'join: applied to admitted, p50 ms': rounded(median(admitted), 0),
    'join: applied to admitted, p99 ms': rounded(percentile(admitted, 0.99), 0),
    'bare write to watch, p50 ms': rounded(median(bare), 1),
  };
  return { figures, ratio: median(published) / median(bare) };
}

/** What we ask for and use while nothing happens but noise; and whether a real change is still heard. */
async function steady({ scene, publications, size }: Stage): Promise<Figures> {
  tell(`${NOISE_SECONDS} s at rest, with an operator as noisy as upstream's`);
  await scene.operate({ noise: NOISE });
  await delay(10_000);
  const replicas = scene.replicas?.replicas ?? [];
  const [sinceMs, before] = [Date.now(), replicas.map(({ pid }) => cpuMs(pid))];
  await delay(NOISE_SECONDS * 1000);
  const tookMs = Date.now() - sinceMs;
  const shares = replicas.map(({ pid }, index) => (100 * (cpuMs(pid) - (before[index] ?? 0))) / tookMs);
  const asked = ourRequests(await scene.cluster.audit()).filter(
    ({ atMs, verb, resource }) => atMs >= sinceMs && verb !== 'watch' && resource !== 'leases',
  );
  tell(`${CHANGES} changes in between`);
  const changes = [];
  const bare = [];
  for (let index = 0; index < CHANGES; index += 1) {
    bare.push(await bareEchoMs(scene.cluster, `noisy-echo-${index}`));
    changes.push(await changePort(scene.cluster, { place: placeOf(index, size), publications }));
    await delay(500);
  }
  await scene.operate({});
  return {
    'at rest: requests but watches and Lease': asked.length,
    'at rest: CPU of each replica, % of a core': shares.map((share) => rounded(share, 2)).join(' and '),
    'at rest: a change in between, written to published, p50 ms': rounded(median(changes), 0),
    'at rest: bare write to watch, p50 ms': rounded(median(bare), 1),
  };
}

/** The leader is killed; how long until another has published a newcomer. */
async function failover({ scene, publications, size }: Stage): Promise<Figures> {
  tell('the leader is killed');
  const replicas = scene.replicas;
  if (!replicas) return {};
  const leader: Replica = await leaderOf(replicas);
  const startMs = performance.now();
  leader.kill('SIGKILL');
  await leader.exited;
  replicas.use(replicas.replicas.filter((replica) => replica !== leader));
  await joinOne(scene.cluster, { place: placeOf(size + JOINS, size), publications, pods: scene.pods });
  return {
    'leader killed: a newcomer is published after s': rounded((performance.now() - startMs) / 1000, 1),
  };
}

function requestsOf(entries: ReadonlyArray<{ verb: string; resource: string; stage: string }>): string {
  const counts = new Map<string, number>();
  for (const { verb, resource, stage } of entries) {
    if (stage === 'ResponseStarted') continue;
    const what = `${verb} ${resource}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return sorted.map(([what, count]) => `${count} ${what}`).join(', ');
}

async function measure(size: number): Promise<{ figures: Figures; ratio: number }> {
  const nodes = NETWORK_SIZE + JOINS + 5;
  const scene = await createScene({ nodes, program: PROGRAM, env: ENV });
  const { replicas } = await scene.start(2);
  for (let index = 0; index < size; index += NETWORK_SIZE) {
    await scene.cluster.createNamespace(placeOf(index, size).namespace);
  }
  const publications = new Publications(scene.cluster);
  const stage = { scene, publications, size };
  try {
    const atOnce = await bulk(stage);
    const { figures, ratio } = await joins(stage);
    const memory = replicas.map(({ pid }) => rounded(memoryMib(pid), 0)).join(' and ');
    const quiet = size <= NOISY_SIZE_MAX ? await steady(stage) : {};
    const requests = requestsOf(ourRequests(await scene.cluster.audit()));
    const after = await failover(stage);
    const rest = { 'memory of each replica, MiB': memory, 'requests in all': requests };
    return { figures: { ...atOnce, ...figures, ...quiet, ...after, ...rest }, ratio };
  } finally {
    await publications.stop();
    await scene.stop();
  }
}

const { values } = parseArgs({ options: { output: { type: 'string', short: 'o' } } });
const ratios: Record<string, Ratio> = {};
const figures: Figures = {};
for (const size of SIZES) {
  const measured = await measure(size);
  const what = `join among ${size}: published, to a bare write and watch`;
  ratios[what] = { value: rounded(measured.ratio), better: 'lower' };
  for (const [name, value] of Object.entries(measured.figures)) figures[`${size} · ${name}`] = value;
}
const result: Result = {
  name: 'cluster',
  machine: `${cpus().length} cores, Node ${process.version}, kube-apiserver, etcd and kwok on the same machine`,
  ratios,
  figures,
};
const rows = [
  ...Object.entries(ratios).map(([name, { value }]) => [name, value]),
  ...Object.entries(figures),
];
const table = [result.machine, '', ...rows.map(([name, value]) => `${String(name).padEnd(64)}${value}`)];
process.stdout.write(`${values.output === 'json' ? JSON.stringify(result, null, 2) : table.join('\n')}\n`);
