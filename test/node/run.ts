/**
 * Runs each test file, or a program, on real nodes, in its own namespaces for network, mounts and processes. Cleans up
 * afterwards: when this process kills the first process of the namespaces, all others in them end too. Needs root on Linux.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { writeImages } from './images.ts';

const CGROUPS = '/sys/fs/cgroup';
const NAME = 'stellar-peers-node-test-';
/** The cgroup of the containers of pods. It is removed with its content, unless another containerd made it. */
const PODS = 'k8s.io';
/** Settings of the whole kernel that a kubelet changes. */
const SYSCTLS = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops'].map(
  (path) => `/proc/sys/${path}`,
);
const GONE_ATTEMPTS = 100;
const GONE_MS = 100;

/** The first process of the namespaces: it runs the tests, and reaps the processes that others have left. */
const INIT = `
"$@" &
tests=$!
wait $tests
exit $?
`;

const cgroupsNamed = (isOurs: (name: string) => boolean): string[] =>
  ['', ...readdirSync(CGROUPS)].flatMap((hierarchy) => {
    const folder = join(CGROUPS, hierarchy);
    try {
      return readdirSync(folder)
        .filter(isOurs)
        .map((name) => join(folder, name));
    } catch {
      return [];
    }
  });

/** Removes a cgroup: first those below it. That works only once its last process is gone. */
function removeCgroup(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroup(join(folder, entry.name));
  rmdirSync(folder);
}

async function removeCgroups(isOurs: (name: string) => boolean): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      for (const folder of cgroupsNamed(isOurs)) removeCgroup(folder);
      return;
    } catch (error) {
      if (attempt === GONE_ATTEMPTS) throw error;
      await delay(GONE_MS);
    }
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** True for the cgroup of a run that was killed. */
const isLeftBehind = (name: string): boolean =>
  name.startsWith(NAME) && !isAlive(Number(name.slice(NAME.length)));

function start(folder: string, command: readonly string[]): ChildProcess {
  const namespaces = ['--net', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child'];
  // A test runner inside a test runner reports to its parent unless it is told that it has none.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return spawn('unshare', [...namespaces, 'sh', '-c', INIT, 'sh', ...command], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...env, NODE_TEST_CGROUP: `${NAME}${process.pid}`, NODE_TEST_FOLDER: folder },
  });
}

/** Runs each command in namespaces of its own, one after the other; resolves to the first exit code that is not 0. */
async function runEach(folder: string, commands: ReadonlyArray<readonly string[]>): Promise<number> {
  const codes: number[] = [];
  let child: ChildProcess | undefined;
  let isOver = false;
  const end = () => {
    isOver = true;
    child?.kill('SIGKILL');
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  for (const command of commands) {
    if (isOver) return 1;
    child = start(folder, command);
    codes.push(await new Promise((resolve) => child?.once('close', (code) => resolve(code ?? 1))));
  }
  return codes.find((code) => code !== 0) ?? 0;
}

async function run(commands: ReadonlyArray<readonly string[]>): Promise<number> {
  const before = SYSCTLS.map((path) => [path, readFileSync(path, 'utf8')] as const);
  await removeCgroups(isLeftBehind);
  const hadPods = cgroupsNamed((name) => name === PODS).length > 0;
  const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-node-'));
  await writeImages(folder);
  const code = await runEach(folder, commands);
  await removeCgroups((name) => name === `${NAME}${process.pid}` || (name === PODS && !hadPods));
  for (const [path, text] of before) if (readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
  if (code === 0) rmSync(folder, { recursive: true, force: true });
  else process.stderr.write(`logs of the real nodes: ${folder}\n`);
  return code;
}

/** The commands: one for each test file that a pattern names, or the program that follows `--program`. */
function commandsOf(args: readonly string[]): string[][] {
  if (args[0] === '--program') return [[process.execPath, ...args.slice(1)]];
  const flags = ['--test', '--test-timeout=1200000', '--test-reporter=spec'];
  const patterns = args.length > 0 ? args : [join(import.meta.dirname, '*.test.ts')];
  const files = patterns.flatMap((pattern) => globSync(pattern).sort());
  if (files.length === 0) throw new Error(`there are no tests: ${patterns.join(' ')}`);
  return files.map((file) => [process.execPath, ...flags, file]);
}

process.exitCode = await run(commandsOf(process.argv.slice(2)));
