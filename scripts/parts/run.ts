/** Runs one part, writes its output into a file, measures its time, and prints a sign of life while it runs long. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import type { Part } from './parts.ts';

const BEAT_MS = 30_000;
/** Runs the command and prints the processor time of it and all its children: the only way without another tool. */
const TIMED = '"$@" 3>&-; code=$?; times >&3; exit $code';

export interface Outcome {
  readonly part: Part;
  readonly verdict: 'passed' | 'failed' | 'not run';
  /** Why it was not run. */
  readonly why?: string;
  readonly wallMs: number;
  /** The processor time of all its processes; 0 if it was not run. */
  readonly processorMs: number;
  /** The file with its output. */
  readonly logPath?: string;
}

interface Runner {
  /** Folder for the outputs. */
  readonly logs: string;
  /** The program that runs a script, and its arguments. */
  readonly command: (script: string) => readonly string[];
  readonly say: (line: string) => void;
}

const running = new Set<ChildProcess>();

/** Sends the signal to all running commands and their children. */
export function killAll(signal: NodeJS.Signals): void {
  for (const { pid } of running) if (pid !== undefined) process.kill(-pid, signal);
}

/** Runs a part. Never rejects: an error before the part begins counts as its failure. */
export async function runPart(part: Part, runner: Runner): Promise<Outcome> {
  const beganAtMs = performance.now();
  const wallMs = () => performance.now() - beganAtMs;
  try {
    const why = await part.obtain?.();
    if (why !== undefined) return { part, verdict: 'not run', why, wallMs: wallMs(), processorMs: 0 };
  } catch (error) {
    runner.say(String(error));
    return { part, verdict: 'failed', wallMs: wallMs(), processorMs: 0 };
  }
  const logPath = join(runner.logs, `${part.script.replaceAll(':', '-')}.log`);
  const beat = setInterval(() => {
    runner.say(
      `${part.script} still runs, ${Math.round(wallMs() / 1000)} s so far ${lastLine(logPath)}`.trim(),
    );
  }, BEAT_MS);
  const { code, times } = await timed(runner.command(part.script), logPath);
  clearInterval(beat);
  const verdict = code === 0 ? 'passed' : 'failed';
  return { part, verdict, wallMs: wallMs(), processorMs: processorMsIn(times), logPath };
}

async function timed(
  command: readonly string[],
  logPath: string,
): Promise<{ code: number | null; times: string }> {
  mkdirSync(join(logPath, '..'), { recursive: true });
  const log = openSync(logPath, 'w');
  // A test runner inside a test runner reports to its parent unless it is told that it has none.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const stdio = ['ignore', log, log, 'pipe'] as const;
  // Start a process group, so that the command and its children can be ended together.
  const child = spawn('sh', ['-c', TIMED, 'sh', ...command], { stdio: [...stdio], env, detached: true });
  closeSync(log);
  running.add(child);
  const times = text(child.stdio[3] as NodeJS.ReadableStream);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  running.delete(child);
  return { code, times: await times };
}

/** The sum of what the shell's `times` prints, such as `0m1.50s 0m0.20s`. */
const processorMsIn = (times: string): number =>
  [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1_000,
    0,
  );

/** What a part printed last, without the space around it. */
const lastLine = (logPath: string): string =>
  readFileSync(logPath, 'utf8').trimEnd().split('\n').at(-1)?.trim() ?? '';
