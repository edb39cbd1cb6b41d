/** Runs commands of the machine itself: `ip`, `mount`, `nsenter`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
/** The environment with a PATH that also has the folders of administrators' programs. */
export const ENV = { PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` };
const OUTPUT_MAX = 64 * 1024 * 1024;

/** Runs a command. Resolves to its standard output, or rejects with its standard error. */
export async function sh(command: string, ...args: string[]): Promise<string> {
  try {
    return (await execute(command, args, { env: ENV, maxBuffer: OUTPUT_MAX })).stdout;
  } catch (cause) {
    const { stderr = '', message } = cause as Error & { stderr?: string };
    throw new Error(`${command} ${args.join(' ')}: ${stderr.trim() || message}`, { cause });
  }
}

/** Runs commands one after the other; each line is a command with its arguments. */
export async function each(...lines: string[]): Promise<void> {
  for (const line of lines) {
    const [command = '', ...args] = line.split(' ');
    await sh(command, ...args);
  }
}
