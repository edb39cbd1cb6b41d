/**
 * The shells that an image may have, as they are in a container: a PATH that holds nothing but the four tools that the
 * merge script may use. Owns how a script is run once, and many times in one process.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, it, type TestContext } from 'node:test';

const located = (name: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

const TOOLS = ['cat', 'ln', 'mv', 'rm'] as const;

export interface Shell {
  readonly name: string;
  readonly program: string | undefined;
  readonly options: readonly string[];
}

const SHELLS: readonly Shell[] = [
  { name: 'dash', program: located('dash'), options: [] },
  { name: 'busybox sh', program: located('busybox'), options: ['sh'] },
  { name: 'bash --posix', program: located('bash'), options: ['--posix'] },
];

export interface Surroundings {
  /** The user to run as, where the tests may choose one. */
  readonly uid?: number | undefined;
  /** A tool that the image does not have. */
  readonly lacking?: (typeof TOOLS)[number];
}

/** Folders with the tools, by shell and by what is lacking; gone when the tests are over. */
const toolFolders = new Map<string, string>();
after(() => {
  for (const folder of toolFolders.values()) rmSync(folder, { recursive: true });
});

function toolsOf(shell: Shell, lacking: string | undefined): string {
  const key = `${shell.name} without ${lacking}`;
  const known = toolFolders.get(key);
  if (known !== undefined) return known;
  const folder = mkdtempSync(join(tmpdir(), 'merge-tools-'));
  toolFolders.set(key, folder);
  chmodSync(folder, 0o755);
  for (const tool of TOOLS.filter((name) => name !== lacking)) {
    const program = shell.name.startsWith('busybox') ? shell.program : located(tool);
    symlinkSync(program ?? `no ${tool}`, join(folder, tool));
  }
  return folder;
}

/** `shell -c SCRIPT ARGUMENTS`, as the container calls it. */
export function inShell(
  shell: Shell,
  script: string,
  args: readonly string[],
  { uid, lacking }: Surroundings = {},
) {
  assert.ok(shell.program);
  return spawnSync(shell.program, [...shell.options, '-c', script, 'stellar-peers-config', ...args], {
    ...(uid === undefined ? {} : { uid }),
    // What an image may set; the script must not depend on it.
    env: { PATH: toolsOf(shell, lacking), LANG: 'C.UTF-8', IFS: 'EN_-.' },
    encoding: 'utf8',
    // As in a container; at a socket bash would take itself for a remote login and read its start files.
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 300_000,
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** Each call of the script is a subshell, so that nothing of it is left for the next; then its status and the time so far. */
const SEVEN_EACH = `script=$1
shift
while [ "$#" -gt 0 ]; do
  ( set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7"; eval "$script" )
  printf '\\001%s ' "$?"
  times
  printf '\\001'
  shift 7
done`;

export interface Ended {
  readonly status: number;
  readonly said: string;
  /** What the shell and its tools took of the processor. */
  readonly processorMs: number;
}

/** Calls the script with each seven arguments, all in one process of the shell. */
export function inOneProcess(shell: Shell, script: string, sevenEach: readonly string[]): Ended[] {
  const { stdout, stderr } = inShell(shell, SEVEN_EACH, [script, ...sevenEach]);
  const parts = stdout.split('\u0001');
  assert.equal(parts.length, (2 * sevenEach.length) / 7 + 1, stderr);
  let passedMs = 0;
  return Array.from({ length: sevenEach.length / 7 }, (_, index) => {
    const [said = '', end = ''] = parts.slice(2 * index);
    const untilMs = processorMsIn(end);
    const processorMs = untilMs - passedMs;
    passedMs = untilMs;
    return { status: Number.parseInt(end, 10), said, processorMs };
  });
}

/** The sum of what `times` prints: user and system, of the shell and of its children. */
function processorMsIn(text: string): number {
  const times = [...text.matchAll(/(\d+)m([\d.]+)s/g)];
  assert.equal(times.length, 4, text);
  return times.reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
    0,
  );
}

type ShellTest = (shell: Shell, t: TestContext) => void | Promise<void>;

/** A test under each shell; where one is not installed the report says so. */
export function underEachShell(promise: string, test: ShellTest): void {
  for (const shell of SHELLS) {
    it(`${promise} (${shell.name})`, (t) =>
      shell.program === undefined ? t.skip(`${shell.name} is not installed`) : test(shell, t));
  }
}

/** A test of many seconds: under the first shell that is installed, with MERGE_SHELLS=all under each. */
export function underOneShell(promise: string, test: ShellTest): void {
  const first = SHELLS.find(({ program }) => program !== undefined);
  underEachShell(promise, (shell, t) =>
    shell === first || process.env.MERGE_SHELLS === 'all'
      ? test(shell, t)
      : t.skip('MERGE_SHELLS=all, as in make test-all, runs it under each shell'),
  );
}
