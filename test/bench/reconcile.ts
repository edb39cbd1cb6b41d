/**
 * The processor time and the memory of the reconciler at 10 to 1,000 validators, in ms and MiB. docs/operations.md has the
 * limits.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { LargeCluster } from './large-cluster.ts';
import { allStampsOf, measurePlanner } from './planner.ts';
import { type Ratio, type Result, rounded } from './result.ts';
import { measureWhole } from './whole.ts';

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const SIZES = [10, 100, 1_000];

type Whole = Awaited<ReturnType<typeof measureWhole>>;
type Planned = ReturnType<typeof measurePlanner>;

/** Measures in a new process, so that memory and compiled code of one size do not affect the next. */
function inProcess<T>(what: string, size: number): T {
  // The size of the young generation is that of the image.
  const args = ['--expose-gc', '--max-semi-space-size=4', import.meta.filename, what, String(size)];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  if (status !== 0) throw new Error(`the measurement of ${what} at ${size} failed: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The ratios of sizes that are large enough for a meaningful ratio, and the figures of all sizes. */
function resultOf(planner: readonly Planned[], whole: readonly Whole[]): Result {
  const ratios: Record<string, Ratio> = {};
  const figures: Record<string, number> = {};
  const [, hundred, thousand] = planner;
  if (hundred && thousand) {
    const { fullMs, yardstickMs } = thousand;
    const lower = (value: number) => ({ value: rounded(value), better: 'lower' }) as const;
    ratios['full plan to JSON.stringify, 1000'] = lower(fullMs / yardstickMs);
    ratios['full plan, from 100 to 1000'] = lower(fullMs / hundred.fullMs);
  }
  for (const { validators, ...rest } of planner) {
    for (const [name, value] of Object.entries(rest)) figures[`${validators}: ${name}`] = value;
  }
  for (const { validators, start, join, rssMib } of whole) {
    for (const [name, { turnMs, busyMs }] of Object.entries({ start, join })) {
      figures[`${validators}: process, ${name}: busy ms`] = busyMs;
      figures[`${validators}: process, ${name}: longest turn ms`] = turnMs;
    }
    figures[`${validators}: process, rss MiB`] = rssMib;
  }
  const machine = `${availableParallelism()} cores, Node ${process.version}`;
  return { name: 'reconcile', machine, ratios, figures };
}

async function main([what, size]: readonly string[]): Promise<void> {
  if (what === 'planner') return void console.log(JSON.stringify(measurePlanner(Number(size))));
  if (what === 'stamps') {
    return void console.log(JSON.stringify([...allStampsOf(new LargeCluster(Number(size)))]));
  }
  if (what === 'whole') {
    const stamps = new Map(inProcess<Array<[string, Record<string, string>]>>('stamps', Number(size)));
    return void console.log(JSON.stringify(await measureWhole(Number(size), stamps)));
  }
  const planner = SIZES.map((each) => inProcess<Planned>('planner', each));
  const whole = SIZES.map((each) => inProcess<Whole>('whole', each));
  console.log(JSON.stringify(resultOf(planner, whole)));
}

await main(process.argv.slice(2));
