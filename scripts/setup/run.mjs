// @ts-check
/** Runs a program: keeps its output, reports its failure, and prints a sign of life while it runs long. */
import { spawn } from 'node:child_process';
import { keepSaying, SetupError } from './say.mjs';

const TAIL_LINES = 25;

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [timeoutMs]
 * @property {(output: string) => string} [beat] the line that is printed every 20 s
 * @property {RegExp} [progress] lines of progress, which do not belong into the message of a failure
 */

/**
 * Runs a program. Resolves to its output, or rejects with the last lines of its output.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>}
 */
export function run(command, args, { cwd, env = process.env, timeoutMs, beat, progress } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
      ...(cwd ? { cwd } : {}),
      ...(timeoutMs ? { timeout: timeoutMs } : {}),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        output += chunk;
      });
    }
    const kill = () => void child.kill();
    process.once('exit', kill);
    const stopSaying = beat ? keepSaying(() => beat(output)) : () => {};
    child.on('error', (cause) => {
      stopSaying();
      reject(new SetupError(`${command} could not be started: ${cause.message}`, { cause }));
    });
    child.on('close', (code, signal) => {
      stopSaying();
      process.off('exit', kill);
      if (code === 0) return resolve(output);
      const lines = output.split('\n').filter((line) => !progress?.test(line));
      const tail = lines.join('\n').trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
      reject(new SetupError(`${command} ${args[0]} failed (${signal ?? `exit ${code}`}):\n${tail}`));
    });
  });
}
