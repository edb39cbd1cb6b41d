/**
 * Starts processes and makes sure that all of them end: after stop(), after Ctrl-C, and even after our own SIGKILL. Owns
 * their logs and their end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  /** Resolves when the process has ended for any reason. */
  readonly exited: Promise<Exit>;
  /** How the process ended; undefined while it runs. */
  exit(): Exit | undefined;
  /** Sends a signal; does nothing if the process is gone. */
  kill(signal: NodeJS.Signals): void;
}

interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/**
 * A helper process that reads "+ pid" and "- pid" until its standard input ends, which happens whenever we end. Then it
 * kills the remaining processes and removes the data. It has its own session, so that Ctrl-C does not reach it.
 */
const WATCHDOG = `
trap '' INT TERM HUP
pids=
while read -r sign pid; do
  left=
  for known in $pids; do [ "$known" = "$pid" ] || left="$left $known"; done
  case $sign in +) pids="$left $pid" ;; *) pids=$left ;; esac
done
for pid in $pids; do kill -KILL "$pid"; done 2>/dev/null
rm -rf "$1"
`;

export class Keeper {
  readonly #logsDir: string;
  readonly #watchdog: ChildProcess;
  readonly #children = new Map<number, Child>();

  /** `dataDir` is removed when everything has been stopped; `logsDir` is left to the caller. */
  constructor(dataDir: string, logsDir: string) {
    mkdirSync(dataDir, { recursive: true });
    mkdirSync(logsDir, { recursive: true });
    this.#logsDir = logsDir;
    this.#watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'watchdog', dataDir], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }

  /** Starts a process whose output is appended to `<logsDir>/<name>.log`. */
  start(name: string, command: string, args: readonly string[], options: StartOptions = {}): Child {
    const logPath = join(this.#logsDir, `${name}.log`);
    const log = openSync(logPath, 'a');
    const process_ = spawn(command, args, {
      detached: true,
      stdio: ['ignore', log, log],
      ...(options.env ? { env: options.env } : {}),
      ...(options.cwd ? { cwd: options.cwd } : {}),
    });
    closeSync(log);
    const child = track(name, process_, logPath);
    this.#children.set(child.pid, child);
    this.#tell(`+ ${child.pid}`);
    void child.exited.then(() => {
      this.#children.delete(child.pid);
      this.#tell(`- ${child.pid}`);
    });
    return child;
  }

  #tell(line: string): void {
    const { stdin } = this.#watchdog;
    if (stdin?.writable) stdin.write(`${line}\n`);
  }

  /** Kills all running processes and removes the data. Resolves when that is done. */
  async stop(): Promise<void> {
    const children = [...this.#children.values()];
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map((child) => child.exited));
    if (this.#watchdog.exitCode !== null) return;
    const gone = once(this.#watchdog, 'exit');
    this.#watchdog.stdin?.end();
    await gone;
  }
}

function track(name: string, process_: ChildProcess, logPath: string): Child {
  const { pid } = process_;
  const ended = Promise.withResolvers<Exit>();
  let exit: Exit | undefined;
  process_.once('error', ended.reject);
  process_.once('exit', (code, signal) => {
    exit = { code, signal };
    ended.resolve(exit);
  });
  if (pid === undefined) throw new Error(`${name}: cannot start ${process_.spawnfile}`);
  return {
    name,
    pid,
    logPath,
    exited: ended.promise,
    exit: () => exit,
    kill: (signal) => {
      process_.kill(signal);
    },
  };
}

/** The last lines of a child's log, for the message of an error. */
export const logTail = (child: Child, lines = 15): string =>
  readFileSync(child.logPath, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
