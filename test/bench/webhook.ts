/**
 * The reviews per second and the latency of our server against bare node:https, on the same machine in the same minute; also
 * its memory, and the start of a replica against `node -e 0`.
 */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import process from 'node:process';
import { CONNECTIONS, createGenerator } from './generator.ts';
import { memoryMib, startBare } from './processes.ts';
import { type Result, rounded } from './result.ts';
import { driveRounds, median, type Round, ratioOf } from './rounds.ts';
import { createStage, type Stage } from './stage.ts';

const ROUNDS = 7;
const SECONDS = 2;
/** The time until V8 has compiled all code. Before that, a review takes a tenth longer. */
const WARM_UP_SECONDS = 12;
const STARTS = 3;

const tell = (text: string): void => void process.stderr.write(`${text}\n`);

interface Measured {
  readonly generator: string;
  readonly rounds: readonly Round[];
  /** From the start of a replica until it is ready, and of `node -e 0` until its end. */
  readonly startsMs: readonly number[];
  readonly emptyStartsMs: readonly number[];
  readonly restMib: number;
  readonly loadMib: number;
}

function emptyStartMs(): number {
  const startedAtMs = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return performance.now() - startedAtMs;
}

async function measure(stage: Stage): Promise<Measured> {
  const { server, files } = stage;
  const restMib = memoryMib(server.pid);
  tell(`starting another replica, ${STARTS} times`);
  const startsMs: number[] = [];
  const emptyStartsMs: number[] = [];
  for (let index = 0; index < STARTS; index += 1) {
    emptyStartsMs.push(emptyStartMs());
    startsMs.push(await stage.startAnother());
  }
  const [bare, encoding] = [await startBare(files), await startBare(files, 'encode')];
  try {
    const generator = await createGenerator(files.body);
    tell(`${generator.name}: 3 × ${WARM_UP_SECONDS} s to warm up, ${ROUNDS} rounds of 3 × ${SECONDS} s`);
    const times = { rounds: ROUNDS, seconds: SECONDS, warmUpSeconds: WARM_UP_SECONDS };
    const urls = { ours: server.url, bare: bare.url, encoding: encoding.url };
    const rounds = await driveRounds(generator, urls, times);
    const loadMib = memoryMib(server.pid, 'VmHWM');
    return { generator: generator.name, rounds, startsMs, emptyStartsMs, restMib, loadMib };
  } finally {
    await Promise.all([bare.stop(), encoding.stop()]);
  }
}

function resultOf({ rounds, startsMs, emptyStartsMs, ...measured }: Measured): Result {
  const typically = (name: keyof Round, figure: 'perSecond' | 'p50Ms' | 'p99Ms') =>
    rounded(median(rounds.map((round) => round[name][figure])));
  const higher = (value: number) => ({ value: rounded(value), better: 'higher' }) as const;
  const lower = (value: number) => ({ value: rounded(value), better: 'lower' }) as const;
  return {
    name: 'webhook',
    machine: `${cpus().length} cores, Node ${process.version}, ${measured.generator}, ${CONNECTIONS} connections`,
    ratios: {
      'reviews/s to bare node': higher(ratioOf(rounds, 'perSecond', 'bare')),
      'p99 to bare node': lower(ratioOf(rounds, 'p99Ms', 'bare')),
      'reviews/s to bare node that encodes': higher(ratioOf(rounds, 'perSecond', 'encoding')),
      'p99 to bare node that encodes': lower(ratioOf(rounds, 'p99Ms', 'encoding')),
      'start to ready, to node -e 0': lower(median(startsMs) / median(emptyStartsMs)),
    },
    figures: {
      'ours: reviews/s': typically('ours', 'perSecond'),
      'ours: p50 ms': typically('ours', 'p50Ms'),
      'ours: p99 ms': typically('ours', 'p99Ms'),
      'bare node: reviews/s': typically('bare', 'perSecond'),
      'bare node: p50 ms': typically('bare', 'p50Ms'),
      'bare node: p99 ms': typically('bare', 'p99Ms'),
      'bare node that encodes: reviews/s': typically('encoding', 'perSecond'),
      'bare node that encodes: p99 ms': typically('encoding', 'p99Ms'),
      'start to ready, ms': rounded(median(startsMs), 0),
      'memory at rest, MiB': rounded(measured.restMib, 0),
      'memory under load, most, MiB': rounded(measured.loadMib, 0),
      'load average of the machine': rounded(loadavg()[0] ?? Number.NaN, 1),
    },
  };
}

const stage = await createStage();
try {
  process.stdout.write(JSON.stringify(resultOf(await measure(stage))));
} finally {
  await stage.stop();
}
