/**
 * `make bench-webhook`: how many reviews a second our server answers, how fast and at what cost, against node:https
 * alone on the same machine in the same minute. `-o json` prints one object in place of the table.
 */
import { cpus, loadavg } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { CONNECTIONS, createGenerator, type Generator } from './generator.ts';
import { type Listener, memoryMib, startBare } from './processes.ts';
import { type Result, rounded } from './result.ts';
import { driveRounds, median, type Round, ratio, typical } from './rounds.ts';
import { createStage, type Stage } from './stage.ts';

const ROUNDS = 7;
const PAIR_ROUNDS = 3;
const SECONDS = 2;
/** Until V8 has compiled all of it, which costs a tenth of a review's time: the more code, the longer it takes. */
const WARM_UP_SECONDS = 12;
const STARTS = 3;

type Bare = 'fastify' | 'parse' | 'constant';
type Name = 'ours' | Bare;
const TITLES: Readonly<Record<Name, string>> = {
  ours: 'stellar-peers',
  fastify: 'Fastify, body parsed',
  parse: 'node:https, body parsed',
  constant: 'node:https, body only read',
};

const tell = (text: string): void => void process.stderr.write(`${text}\n`);

interface Measured {
  readonly generator: string;
  readonly upToDate: ReadonlyArray<Round<Name>>;
  readonly publishing: ReadonlyArray<Round<'ours' | 'parse'>>;
  readonly managed: ReadonlyArray<Round<'ours' | 'parse'>>;
  readonly single: ReadonlyArray<Round<'ours' | 'parse'>>;
  readonly published: Awaited<ReturnType<ReturnType<Stage['keepPublishing']>>>;
  readonly starts: ReadonlyArray<Awaited<ReturnType<Stage['startAnother']>>>;
  readonly restMib: number;
  readonly loadMib: number;
}

async function measure(stage: Stage): Promise<Measured> {
  const { server, files } = stage;
  const restMib = memoryMib(server.pid);
  tell(`starting another replica, ${STARTS} times`);
  const starts = [];
  for (let index = 0; index < STARTS; index += 1) starts.push(await stage.startAnother());
  const bare = {
    fastify: await startBare('fastify', files),
    parse: await startBare('parse', files),
    constant: await startBare('constant', files),
  };
  try {
    return { ...(await drive(stage, bare)), starts, restMib };
  } finally {
    await Promise.all(Object.values(bare).map((server) => server.stop()));
  }
}

async function drive(stage: Stage, bare: Readonly<Record<Bare, Listener>>) {
  const { server: ours, files } = stage;
  const generator: Generator = await createGenerator(files.body);
  tell(
    `${generator.name}: 4 × ${WARM_UP_SECONDS} s to warm up, ${ROUNDS} rounds of 4 × ${SECONDS} s at rest`,
  );
  const times = { seconds: SECONDS, warmUpSeconds: WARM_UP_SECONDS };
  const upToDate = await driveRounds(generator, { ours, ...bare }, { rounds: ROUNDS, ...times });
  tell(`${generator.name}: ${PAIR_ROUNDS} rounds of 2 × ${SECONDS} s while the reconciler publishes`);
  const stopPublishing = stage.keepPublishing();
  const pair = { ours, parse: bare.parse };
  const short = { rounds: PAIR_ROUNDS, seconds: SECONDS, warmUpSeconds: 0 };
  const publishing = await driveRounds(generator, pair, short);
  const published = await stopPublishing();
  tell(`${generator.name}: as many with managedFields, and on one connection alone`);
  const managed = await driveRounds(await createGenerator(files.managedBody), pair, {
    ...short,
    warmUpSeconds: SECONDS,
  });
  const single = await driveRounds(await createGenerator(files.body, 1), pair, short);
  const loadMib = memoryMib(ours.pid, 'VmHWM');
  return { generator: generator.name, upToDate, publishing, published, managed, single, loadMib };
}

function resultOf(measured: Measured): Result {
  const { upToDate, publishing, published, managed, single, starts } = measured;
  const typically = (name: Name) => typical(upToDate, name);
  const validatorGaugesOf = (name: Name) => {
    const { perSecond, p50Ms, p99Ms, cpuMicrosPerReview } = typically(name);
    return {
      [`${name}: reviews/s`]: rounded(perSecond, 0),
      [`${name}: p50 ms`]: rounded(p50Ms),
      [`${name}: p99 ms`]: rounded(p99Ms),
      [`${name}: CPU µs per review`]: rounded(cpuMicrosPerReview, 0),
    };
  };
  const higher = (value: number) => ({ value: rounded(value), better: 'higher' }) as const;
  const lower = (value: number) => ({ value: rounded(value), better: 'lower' }) as const;
  return {
    name: 'webhook',
    machine: `${cpus().length} cores, Node ${process.version}, ${measured.generator}, ${CONNECTIONS} connections`,
    ratios: {
      'reviews/s to bare node': higher(ratio(upToDate, 'perSecond', ['ours', 'parse'])),
      'p99 to bare node': lower(ratio(upToDate, 'p99Ms', ['ours', 'parse'])),
      'CPU per review to bare node': lower(ratio(upToDate, 'cpuMicrosPerReview', ['ours', 'parse'])),
      'reviews/s of Fastify alone to bare node': higher(ratio(upToDate, 'perSecond', ['fastify', 'parse'])),
      'reviews/s to bare node, publishing': higher(ratio(publishing, 'perSecond', ['ours', 'parse'])),
      'p99 to bare node, publishing': lower(ratio(publishing, 'p99Ms', ['ours', 'parse'])),
      'reviews/s to bare node, with managedFields': higher(ratio(managed, 'perSecond', ['ours', 'parse'])),
      'reviews/s to bare node, one connection': higher(ratio(single, 'perSecond', ['ours', 'parse'])),
    },
    figures: {
      ...validatorGaugesOf('ours'),
      ...validatorGaugesOf('fastify'),
      ...validatorGaugesOf('parse'),
      ...validatorGaugesOf('constant'),
      'one connection: p50 ms': rounded(typical(single, 'ours').p50Ms),
      'one connection: p50 ms of bare node': rounded(typical(single, 'parse').p50Ms),
      'publishing: changes/s': rounded(published.changes / published.seconds, 1),
      'publishing: ConfigMaps written/s': rounded(published.writes / published.seconds, 1),
      'load average of the machine': rounded(loadavg()[0] ?? Number.NaN, 1),
      'start to ready, ms': rounded(median(starts.map(({ readyMs }) => readyMs)), 0),
      'first review, TLS handshake included, ms': rounded(reviewMs(starts, 0), 1),
      'third review, TLS handshake included, ms': rounded(reviewMs(starts, 2), 1),
      'memory at rest, MiB': rounded(measured.restMib, 0),
      'memory under load, most, MiB': rounded(measured.loadMib, 0),
    },
  };
}

const reviewMs = (starts: Measured['starts'], index: number): number =>
  median(starts.map(({ reviewsMs }) => reviewsMs[index] ?? Number.NaN));

function tableOf({ ratios, figures, machine }: Result): string {
  const cell = (name: Name, what: string) => String(figures[`${name}: ${what}`]).padStart(9);
  const rows = (['ours', 'fastify', 'parse', 'constant'] as const).map((name) => {
    const cells = ['reviews/s', 'p50 ms', 'p99 ms', 'CPU µs per review'].map((what) => cell(name, what));
    return `${TITLES[name].padEnd(28)}${cells.join(' ')}`;
  });
  const others = Object.entries(figures).filter(([name]) => !/^(ours|fastify|parse|constant):/.test(name));
  const named = [...Object.entries(ratios).map(([name, { value }]) => [name, value] as const), ...others];
  return [
    `${machine}; medians of ${ROUNDS} rounds`,
    '',
    `${''.padEnd(28)}reviews/s    p50 ms    p99 ms  CPU µs/review`,
    ...rows,
    '',
    ...named.map(([name, value]) => `${name.padEnd(44)}${value}`),
    '',
    `ratio to bare node: ${ratios['reviews/s to bare node']?.value.toFixed(2)}`,
  ].join('\n');
}

const { values } = parseArgs({ options: { output: { type: 'string', short: 'o' } } });
const stage = await createStage();
try {
  const result = resultOf(await measure(stage));
  process.stdout.write(`${values.output === 'json' ? JSON.stringify(result, null, 2) : tableOf(result)}\n`);
} finally {
  await stage.stop();
}
