/** Runs commands of the machine itself: `ip`, `mount`, `nsenter`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
/** PATH with the folders of administrators' programs, which it may not contain. */
export const ENV = { PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` };
const OUTPUT_MAX = 64 * 1024 * 1024;

/** What the command printed; rejects with its standard error. */
export async function sh(command: string, ...args: string[]): Promise<string> {
  try {
    return (await execute(command, args, { env: ENV, maxBuffer: OUTPUT_MAX })).stdout;
  } catch (cause) {
    const { stderr = '', message } = cause as Error & { stderr?: string };
    throw new Error(`${command} ${args.join(' ')}: ${stderr.trim() || message}`, { cause });
  }
}

/** One after the other, each a line of words. */
export async function each(...lines: string[]): Promise<void> {
  for (const line of lines) {
    const [command = '', ...args] = line.split(' ');
    await sh(command, ...args);
  }
}
