/**
 * The program without a process around it: every command under the shipped version, and what is said of a failure.
 */
import metadata from '../package.json' with { type: 'json' };
import type { Call } from './command.ts';
import { COMMANDS } from './commands.ts';
import { dispatch } from './dispatch.ts';
import { type ExitCode, errorText, exitCodeOf, UsageError } from './exit.ts';

/** How a command line ended. */
export interface Ending {
  /** Undefined where something that was started goes on, as a replica does. */
  readonly code: ExitCode | undefined;
  /** True where an error cut the command off, so that something it had started may still be open. */
  readonly failed: boolean;
}

/** Does what the line says. Never rejects: the terminal is told of an error, and the exit code says its kind. */
export async function runProgram(
  line: readonly string[],
  { env, terminal }: Pick<Call, 'env' | 'terminal'>,
): Promise<Ending> {
  const program = { commands: COMMANDS, version: metadata.version, env, terminal };
  try {
    return { code: await dispatch(line, program), failed: false };
  } catch (error) {
    terminal.say(`stellar-peers: ${errorText(error)}`);
    if (error instanceof UsageError) {
      const words = ['stellar-peers', error.command, '--help'].filter(Boolean);
      terminal.say(`See ${words.join(' ')}.`);
    }
    return { code: exitCodeOf(error), failed: true };
  }
}
