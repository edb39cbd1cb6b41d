/** Runs a command line without owning the process: all commands, the version, and the text of a failure. */
import metadata from '../package.json' with { type: 'json' };
import type { Call } from './command.ts';
import { COMMANDS } from './commands.ts';
import { dispatch } from './dispatch.ts';
import { type ExitCode, errorText, exitCodeOf, UsageError } from './exit.ts';

/** The end of a command line. */
export interface Ending {
  /** Undefined if the process must go on, as with a replica. */
  readonly code: ExitCode | undefined;
  /** True if the command ended with an error, so that something it has started may still be open. */
  readonly failed: boolean;
}

/** Runs the command of the line. Never rejects: the terminal shows the error, and the exit code is that of its kind. */
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
