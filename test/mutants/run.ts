/**
 * `make mutants`: applies each bug of this folder to a copy of the product, and expects the check that it names to
 * fail by the test that it names. A bug that nothing notices, or a patch that does not apply, fails the run.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type Mutant, readMutant } from './mutant.ts';

const ROOT = join(import.meta.dirname, '../..');
const PRODUCT = [
  'app',
  'peers',
  'runtime',
  'reconciler',
  'webhook',
  'certs',
  'cli',
  'test',
  'manifests',
  'package.json',
];
const ROOT_FILES = ['main.ts', 'tsconfig.json'];
const AT_ONCE = 2;
/** A check that takes longer hangs, which is no answer. */
const CHECK_MS_MAX = 180_000;

interface Verdict {
  readonly mutant: Mutant;
  /** Undefined if the named test noticed it. */
  readonly problem: string | undefined;
  readonly seconds: number;
}

/** A copy of the product that may be broken. */
function copyOfProduct(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mutant-'));
  for (const name of [...PRODUCT, ...ROOT_FILES]) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Why the patch does not apply; undefined if it did. */
function applied(folder: string, { path }: Mutant, ...options: string[]): string | undefined {
  const args = ['apply', '--unsafe-paths', `--directory=${folder}`, ...options, path];
  const { status, stderr } = spawnSync('git', args, { cwd: tmpdir(), encoding: 'utf8' });
  return status === 0 ? undefined : `does not apply: ${stderr.trim()}`;
}

/** Runs a check in `folder`; resolves to what it printed. */
async function run(folder: string, check: string): Promise<string> {
  // A runner inside a runner reports to its parent unless it is told that it has none.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ['--test', '--test-reporter=spec', ...check.split(' ')];
  const child = spawn(process.execPath, args, { cwd: folder, env, timeout: CHECK_MS_MAX });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  await new Promise((resolve) => child.once('close', resolve));
  return text;
}

const failedTests = (text: string): string[] =>
  [...text.matchAll(/^\s*✖ (.+) \(\d+(?:\.\d+)?ms\)$/gm)].map(([, name = '']) => name);

async function judge(mutant: Mutant): Promise<Verdict> {
  const startedAtMs = performance.now();
  const folder = copyOfProduct();
  try {
    const problem = applied(folder, mutant) ?? (await noticed(folder, mutant));
    return { mutant, problem, seconds: (performance.now() - startedAtMs) / 1000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function noticed(folder: string, { check, red }: Mutant): Promise<string | undefined> {
  const failed = failedTests(await run(folder, check));
  if (failed.includes(red)) return undefined;
  return failed.length === 0 ? 'nothing noticed it' : `noticed only by: ${failed.slice(0, 3).join(' · ')}`;
}

/** Checks that are red without any bug prove nothing. */
async function redWithoutBug(mutants: readonly Mutant[]): Promise<string[]> {
  const red: string[] = [];
  for (const check of new Set(mutants.map((mutant) => mutant.check))) {
    const failed = failedTests(await run(ROOT, check));
    if (failed.length > 0) red.push(`${check}: ${failed[0]}`);
  }
  return red;
}

async function main(): Promise<void> {
  const wanted = process.argv[2] ?? '';
  const mutants = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.patch') && name.includes(wanted))
    .map((name) => readMutant(join(import.meta.dirname, name), (path) => readFileSync(path, 'utf8')));
  process.stdout.write(`${mutants.length} bugs; first the checks without any\n`);
  const red = await redWithoutBug(mutants);
  for (const line of red) process.stdout.write(`✗ red without a bug: ${line}\n`);
  let missed = 0;
  const queue = mutants.values();
  const lane = async () => {
    for (const mutant of queue) {
      const { problem, seconds } = await judge(mutant);
      if (problem !== undefined) missed += 1;
      const told = problem ?? `${mutant.check.split('/').at(-1)}: ${mutant.red}`;
      process.stdout.write(
        `${problem === undefined ? '✓' : '✗'} ${mutant.name.padEnd(34)} ${seconds.toFixed(1).padStart(5)} s  ${told}\n`,
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  process.stdout.write(
    `${mutants.length - missed} of ${mutants.length} bugs were noticed by the test that they name.\n`,
  );
  process.exitCode = missed + red.length > 0 || mutants.length === 0 ? 1 : 0;
}

await main();
