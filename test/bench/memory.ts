/**
 * Two replicas of the bundle on a real control plane, while one namespace has 300 StellarNodes of 1.4 MB, of which 20 change
 * each second, and another namespace has 5,000 small ones. Measures the replicas' memory, the time of a probe, and the time
 * until a validator of a third namespace is published. `npm run bundle && node test/bench/memory.ts [seconds]`; LARGE, SMALL
 * and PER_SECOND make it smaller. Beside each figure is the cost of the machine itself at the same moment: a probe of an idle
 * server, the way of a StellarNode to a client that ignores it, and a small write.
 * etcd keeps each change for five minutes, 28 MB a second, so that more than 40 seconds fill it.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigMaps, StellarNodes } from '../../runtime/kube/resources.ts';
import { Published } from '../cluster/published.ts';
import { createScene, createValidator, type Scene } from '../cluster/scene.ts';
import { memoryMib } from './processes.ts';

const SECONDS = Number(process.argv[2] ?? 20);
const { LARGE = '300', SMALL = '5000', PER_SECOND = '20' } = process.env;
const QUORUM_SET = '#'.repeat(1_400_000);
/** The flags of the image, and the heap limit that Node derives from the Deployment's 256 MiB: half of them. */
const FLAGS = ['--max-semi-space-size=4', '--max-old-space-size=128'];
const PROGRAM = [
  ...FLAGS,
  ...(process.env.FLAGS?.split(' ') ?? []),
  process.env.BUNDLE ?? 'dist/stellar-peers.mjs',
  'run',
];
const NEWCOMER_EVERY_MS = 3_000;
const PROBE_EVERY_MS = 50;

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const nameOf = (index: number): string => `tenant-${index}`;

/** Calls `act` for each index from 0 to `count`, for eight at a time. */
async function eachOf(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  const indices = Array.from({ length: count }, (_, index) => index).values();
  const lane = async () => {
    for (const index of indices) await act(index);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

interface Watched {
  readonly name: string;
  readonly pid: number;
  readonly probe: () => Promise<unknown>;
  mib: number;
  readonly tookMs: number[];
  silent: number;
}

const watchedOf = (name: string, pid: number, probe: Watched['probe']): Watched => ({
  ...{ name, pid, probe, mib: 0, silent: 0 },
  tookMs: [],
});

/** Measures the memory of each process, the times of probes, and unanswered probes. Prints these after each phase. */
class Watch {
  readonly #watched: readonly Watched[];
  #isOver = false;

  constructor(watched: readonly Watched[]) {
    this.#watched = watched;
    void this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await Promise.all(this.#watched.map((each) => this.#look(each)));
      await sleep(PROBE_EVERY_MS);
    }
  }

  async #look(each: Watched): Promise<void> {
    const sinceMs = performance.now();
    await each.probe().catch(() => {
      each.silent += 1;
    });
    each.tookMs.push(performance.now() - sinceMs);
    each.mib = Math.max(each.mib, memoryMib(each.pid));
  }

  endPhase(phase: string): void {
    for (const each of this.#watched) {
      const { name, mib, silent, tookMs } = each;
      const sorted = tookMs.splice(0).sort((a, b) => a - b);
      const at = (part: number) => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(0);
      console.log(
        `${phase}: ${name}: RSS ${mib.toFixed(0)} MiB at most; probe p50 ${at(0.5)}, p99 ${at(0.99)}, slowest ${at(1)} ms; ${silent} without an answer in 2 s; load ${loadavg()[0]?.toFixed(1)}`,
      );
      Object.assign(each, { mib: 0, silent: 0 });
    }
  }

  end(): void {
    this.#isOver = true;
  }
}

/** Starts the client that reads the same watch as a replica, and notes when it saw the name of each newcomer. */
async function startIdle({ cluster }: Scene) {
  const child = fork(new URL('idle-client.ts', import.meta.url), [cluster.kubeconfigPath]);
  const seenAtMs = new Map<string, number>();
  const [port] = (await once(child, 'message')) as [number];
  child.on('message', (name) => seenAtMs.set(String(name), performance.now()));
  const probe = () =>
    new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, agent: false }, (incoming) => incoming.resume().on('end', resolve)).on(
        'error',
        reject,
      );
    });
  return { child, seenAtMs, probe };
}
type Idle = Awaited<ReturnType<typeof startIdle>>;

/** Changes PER_SECOND large StellarNodes each second, or as many as the API server can take. Resolves to their number. */
async function change({ cluster: { admin } }: Scene, isOver: () => boolean): Promise<number> {
  const startMs = performance.now();
  let changed = 0;
  const lane = async () => {
    while (!isOver()) {
      changed += 1;
      const dueMs = startMs + (changed * 1000) / Number(PER_SECOND);
      await sleep(Math.max(0, dueMs - performance.now()));
      const ref = { resource: StellarNodes, namespace: 'large', name: nameOf(changed % Number(LARGE)) };
      const body = { metadata: { name: ref.name, annotations: { tick: `${changed}` } } };
      // With `large`, the answer is only the metadata, so this process has less to parse.
      await admin.apply(ref, body, { manager: 'bench', large: true });
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  return changed;
}

/** Measures how long each newcomer of another namespace waits for its list, and how much of that is due to the API server. */
async function join(scene: Scene, idle: Idle, isOver: () => boolean): Promise<string[]> {
  const published = new Published(scene.cluster.admin);
  const told: string[] = [];
  while (!isOver()) {
    const name = `newcomer-${told.length}`;
    const startMs = performance.now();
    const sinceStart = (ms = performance.now()) => Math.round(ms - startMs);
    await createValidator(scene, name);
    const createdMs = sinceStart();
    const isPublished = () => published.peersOf('stellar', name) !== undefined;
    await published.until(`${name} is published`, isPublished, { deadlineMs: 90_000 });
    const publishedMs = sinceStart();
    const beforeWrite = performance.now();
    const ref = { resource: ConfigMaps, namespace: 'stellar', name: 'plain' };
    await scene.cluster.admin.apply(
      ref,
      { metadata: { name: 'plain' }, data: { name } },
      { manager: 'bench' },
    );
    const writeMs = Math.round(performance.now() - beforeWrite);
    const seenAtMs = idle.seenAtMs.get(name);
    const seen = seenAtMs === undefined ? 'has not seen it yet' : `saw it after ${sinceStart(seenAtMs)} ms`;
    told.push(
      `${name}: list after ${publishedMs} ms; its create took ${createdMs} ms, the idle client ${seen}, a small write takes ${writeMs} ms; load ${loadavg()[0]?.toFixed(1)}`,
    );
    console.log(told.at(-1));
    await sleep(NEWCOMER_EVERY_MS);
  }
  await published.stop();
  return told;
}

/** Creates and changes the StellarNodes of the two tenants. Resolves to the number of changes, as text. */
async function load(scene: Scene, watch: Watch, idle: Idle): Promise<string> {
  say(`${SMALL} small StellarNodes, then ${LARGE} large ones`);
  await eachOf(Number(SMALL), (index) => createValidator(scene, nameOf(index), { namespace: 'small' }));
  watch.endPhase(`${SMALL} small ones are made`);
  const spec = { validatorConfig: { quorumSet: QUORUM_SET } };
  await eachOf(Number(LARGE), (index) => createValidator(scene, nameOf(index), { namespace: 'large', spec }));
  watch.endPhase(`${LARGE} large ones are made`);
  say(`${PER_SECOND} of the large ones change each second, for ${SECONDS} s`);
  const endMs = performance.now() + SECONDS * 1000;
  const isOver = () => performance.now() > endMs;
  const [changed] = await Promise.all([change(scene, isOver), join(scene, idle, isOver)]);
  watch.endPhase('large ones change');
  return `changes: ${changed} in ${SECONDS} s`;
}

async function measure(scene: Scene): Promise<void> {
  for (const namespace of ['stellar', 'large', 'small']) await scene.cluster.createNamespace(namespace);
  await scene.start(2);
  await createValidator(scene, 'validator-1');
  await scene.operate(undefined);
  const idle = await startIdle(scene);
  const replicas = scene.replicas?.replicas ?? [];
  const watch = new Watch([
    ...replicas.map((replica) => watchedOf(replica.name, replica.pid, () => replica.get('/healthz'))),
    watchedOf('idle client', idle.child.pid ?? 0, idle.probe),
  ]);
  console.log(await load(scene, watch, idle).catch(String));
  watch.endPhase('at the end');
  watch.end();
  idle.child.kill();
}

const scene = await createScene({ nodes: 4, program: PROGRAM });
try {
  await measure(scene);
} finally {
  await scene.stop();
}
process.exit(0);
