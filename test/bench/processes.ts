/** Measures the resources of a process on Linux, and starts processes that print their port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `getconf CLK_TCK` is 100 wherever Node runs. */
const TICK_MS = 10;
const KIB = 1024;

/** Processor time of the process so far, in ms. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may contain blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory in MiB: now, or the most there ever was. */
export function memoryMib(pid: number, what: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${what}:\\s+(\\d+) kB`).exec(status)?.[1]) / KIB;
}

export interface Listener {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts bare.ts, which answers with the content of the file `answer`: the same bytes each time, or encoded anew. */
export async function startBare(
  files: Readonly<Record<'cert' | 'key' | 'answer', string>>,
  mode: 'constant' | 'encode' = 'constant',
): Promise<Listener> {
  const args = [join(import.meta.dirname, 'bare.ts'), files.cert, files.key, files.answer, mode];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  return {
    url: `https://127.0.0.1:${Number(port)}/mutate-pods`,
    stop: async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}
