/**
 * `make bench`: runs each benchmark that has a committed result (results/<name>.json, made by <name>.ts), or the ones that are
 * named, and prints all figures, and for each ratio whether it is better, the same or worse. `--save` replaces the old results.
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
  const stdout = execFileSync(process.execPath, [script], {
    ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  });
  return JSON.parse(stdout) as Result;
}

const row = (what: string, value: number | string, more = ''): string =>
  `  ${what.padEnd(48)}${String(value).padEnd(16)}${more}`.trimEnd();

function lines(now: Result, before: Result): string[] {
  const compared = Object.entries(now.ratios).map(([what, ratio]) => {
    const old = before.ratios[what];
    return row(what, ratio.value, old ? `${verdictOn(ratio, old)} (was ${old.value})` : 'new');
  });
  const figures = Object.entries(now.figures).map(([what, value]) => row(what, value));
  return [`${now.name}, on ${now.machine}`, `  before on ${before.machine}`, ...compared, ...figures];
}

const { values, positionals } = parseArgs({
  ...{ options: { save: { type: 'boolean' } }, allowPositionals: true },
});
const all = readdirSync(RESULTS).map((file) => file.replace(/\.json$/, ''));
for (const name of positionals.length > 0 ? positionals : all) {
  const path = join(RESULTS, `${name}.json`);
  const before = JSON.parse(readFileSync(path, 'utf8')) as Result;
  const now = run(name);
  process.stdout.write(`${lines(now, before).join('\n')}\n`);
  if (values.save) writeFileSync(path, `${JSON.stringify(now, null, 2)}\n`);
}
