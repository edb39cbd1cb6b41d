/**
 * Runs a suite of tests (`check`, `test` or `rest`) part by part, and prints the time of each. All parts run, even if some
 * fail. With CI=true, a part that was left out counts as a failure.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { shellsLeftOut } from './parts/needs.ts';
import { type Part, partsOf, SUITES, type Suite } from './parts/parts.ts';
import { failures, leftOut, sumOf, timesTable } from './parts/report.ts';
import { killAll, type Outcome, runPart } from './parts/run.ts';

const LOGS = join(import.meta.dirname, '../.run/test');
const name = process.argv[2] ?? '';
const say = (line: string): void => void process.stdout.write(`${line}\n`);
/** Runs a script by npm, whose PATH begins with the Node of the packages. */
const command = (script: string) => ['npm', 'run', '--silent', script];

async function runSuite(suite: Suite): Promise<Outcome[]> {
  const outcomes = new Map<Part, Outcome>();
  const all = partsOf(suite);
  const lane = async (queue: Iterable<Part>) => {
    for (const part of queue) {
      say(`${all.indexOf(part) + 1} of ${all.length}: ${part.script} (${part.what})`);
      const outcome = await runPart(part, { logs: LOGS, command, say });
      outcomes.set(part, outcome);
      tell(outcome);
    }
  };
  for (const { parts, atOnce } of suite) {
    const queue = parts.values();
    await Promise.all(Array.from({ length: Math.min(atOnce, availableParallelism()) }, () => lane(queue)));
  }
  return all.flatMap((part) => outcomes.get(part) ?? []);
}

/** Prints the result of a part; for a failed part, its whole output. */
function tell({ part, verdict, why, wallMs, logPath }: Outcome): void {
  if (verdict === 'failed' && logPath !== undefined) say(readFileSync(logPath, 'utf8'));
  const mark = { passed: '✓', failed: '✗', 'not run': '-' }[verdict];
  say(
    `${mark} ${part.script} ${verdict}${why === undefined ? '' : `: ${why}`} (${(wallMs / 1000).toFixed(1)} s)`,
  );
}

/** Prints the last line of `make test-all`: what was left out. */
function tellLeftOut(outcomes: readonly Outcome[]): boolean {
  const without = [...shellsLeftOut(), ...leftOut(outcomes)];
  say(without.length === 0 ? 'Nothing was left out.' : `Not run: ${without.join('; ')}.`);
  return without.length > 0;
}

async function main(suite: Suite): Promise<number> {
  const beganAtMs = performance.now();
  const outcomes = await runSuite(suite);
  say(`\n${timesTable(outcomes, performance.now() - beganAtMs)}\n`);
  const failed = failures(outcomes, (path) => readFileSync(path, 'utf8'));
  for (const line of failed) say(line);
  if (name === 'test') say(`make test-all adds: ${sumOf(partsOf(SUITES.rest ?? []))}.`);
  const isIncomplete = name === 'rest' && tellLeftOut(outcomes);
  return failed.length > 0 || (isIncomplete && process.env.CI === 'true') ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killAll(signal);
    process.exit(1);
  });
}
const suite = SUITES[name];
if (suite) process.exitCode = await main(suite);
else {
  process.stderr.write(`${name} is no suite; there are ${Object.keys(SUITES).join(', ')}\n`);
  process.exitCode = 2;
}
