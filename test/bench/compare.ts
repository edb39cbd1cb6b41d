/**
 * `make bench`: runs the benchmarks that have a committed result (results/<name>.json, made by <name>.ts), and shows for each
 * ratio whether it is better, the same or worse. `--save` replaces the old results by the new ones.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { type Result, verdictOn } from './result.ts';

const RESULTS = join(import.meta.dirname, 'results');

function run(name: string): Result {
  const script = join(import.meta.dirname, `${name}.ts`);
  const stdout = execFileSync(process.execPath, [script, '-o', 'json'], {
    ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  });
  return JSON.parse(stdout) as Result;
}

function lines(now: Result, before: Result): string[] {
  const compared = Object.entries(now.ratios).map(([what, ratio]) => {
    const old = before.ratios[what];
    const told = old ? `${verdictOn(ratio, old)} (was ${old.value})` : 'new';
    return `  ${what.padEnd(44)}${String(ratio.value).padEnd(8)}${told}`;
  });
  return [`${now.name}, on ${now.machine}`, `  before on ${before.machine}`, ...compared];
}

const { values } = parseArgs({ options: { save: { type: 'boolean' } } });
for (const file of readdirSync(RESULTS).filter((name) => name.endsWith('.json'))) {
  const path = join(RESULTS, file);
  const before = JSON.parse(readFileSync(path, 'utf8')) as Result;
  const now = run(file.replace(/\.json$/, ''));
  process.stdout.write(`${lines(now, before).join('\n')}\n`);
  if (values.save) writeFileSync(path, `${JSON.stringify(now, null, 2)}\n`);
}
