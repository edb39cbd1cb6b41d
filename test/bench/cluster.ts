/**
 * Many validators on a real control plane with simulated nodes: the requests, the processor time and the memory of our
 * replicas under an operator as noisy as upstream's. VALIDATORS=100,1000 and NOISE_SECONDS=300 are the defaults.
 */
import { cpus } from 'node:os';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { ourRequests } from '../cluster/audit.ts';
import { createScene, createValidator, type Scene } from '../cluster/scene.ts';
import { cpuMs, memoryMib } from './processes.ts';
import { type Result, rounded } from './result.ts';

const SIZES = (process.env.VALIDATORS || '100,1000').split(',').map(Number);
const NOISE_SECONDS = Number(process.env.NOISE_SECONDS || 300);
/** Both writers of the upstream operator, at its pace; with more validators than this it is the API server that is measured. */
const NOISE = { nodeStatusMs: 1000, statefulSetMs: 3000 };
const NOISY_SIZE_MAX = 100;
/** The validators of one namespace and network. Upstream's anti-affinity needs a node for each. */
const NETWORK_SIZE = 100;
const APPLIED_AT_ONCE = 20;
/** The time until all work for the new networks is done. */
const REST_MS = 15_000;
/** As the image starts it. */
const PROGRAM = ['--max-semi-space-size=4', 'dist/stellar-peers.mjs', 'run'];
/** The shipped values of the Lease. Other settings stay shortened, so that a wrong restart would come within seconds. */
const ENV = { LEASE_DURATION_SECONDS: '15', REQUEST_TIMEOUT_SECONDS: '5' };

const tell = (text: string): void => void process.stderr.write(`${text}\n`);
const namespaceOf = (index: number): string => `stellar-${Math.floor(index / NETWORK_SIZE) + 1}`;
const nameOf = (index: number): string => `validator-${index + 1}`;

type Figures = Record<string, number | string>;

/** Applies `size` validators, some at a time, with a network for each namespace. Resolves when all are Ready. */
async function applyAll({ cluster, pods }: Scene, size: number): Promise<void> {
  const indices = Array.from({ length: size }, (_, index) => index);
  for (const namespace of new Set(indices.map(namespaceOf))) await cluster.createNamespace(namespace);
  const queue = indices.values();
  const lane = async () => {
    for (const index of queue) {
      const namespace = namespaceOf(index);
      const spec = { customNetworkPassphrase: `${namespace} ; November 2026` };
      await createValidator({ cluster }, nameOf(index), { namespace, spec });
    }
  };
  await Promise.all(Array.from({ length: APPLIED_AT_ONCE }, lane));
  const isReady = (index: number) => pods.isReady(`${namespaceOf(index)}/${nameOf(index)}-0`);
  await pods.until('all are Ready', () => indices.every(isReady), 900_000);
}

/** Measures our requests and resources while only the noise of the operator happens. */
async function atRest(scene: Scene): Promise<Figures> {
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
  return {
    'at rest: requests but watches and Lease': asked.length,
    'at rest: CPU of each replica, % of a core': shares.map((share) => rounded(share, 2)).join(' and '),
  };
}

async function measure(size: number): Promise<Figures> {
  const scene = await createScene({ nodes: NETWORK_SIZE + 5, program: PROGRAM, env: ENV });
  try {
    const { replicas } = await scene.start(2);
    tell(`${size} validators are applied at once`);
    await applyAll(scene, size);
    await delay(REST_MS);
    const memory = replicas.map(({ pid }) => rounded(memoryMib(pid, 'VmHWM'), 0)).join(' and ');
    const restarts = Object.values(scene.pods.restarts()).reduce((sum, count) => sum + count, 0);
    const quiet = size <= NOISY_SIZE_MAX ? await atRest(scene) : {};
    return { restarts, 'memory of each replica, most, MiB': memory, ...quiet };
  } finally {
    await scene.stop();
  }
}

const figures: Figures = {};
for (const size of SIZES) {
  for (const [name, value] of Object.entries(await measure(size))) figures[`${size} · ${name}`] = value;
}
const result: Result = {
  name: 'cluster',
  machine: `${cpus().length} cores, Node ${process.version}, kube-apiserver, etcd and kwok on the same machine`,
  ratios: {},
  figures,
};
process.stdout.write(JSON.stringify(result));
