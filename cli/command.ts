/**
 * The types of a command: its name, its help, its flags and the function that runs it; and of one call of a command.
 */
import type { ExitCode } from './exit.ts';
import type { FlagName, FlagValues } from './flags.ts';
import type { Terminal } from './terminal.ts';

export type Format = 'table' | 'wide' | 'json' | 'yaml';

/** One call of a command: the parsed command line, and the process around it. */
export interface Call {
  /** The arguments on the line, without the name of the command and without flags. */
  readonly args: readonly string[];
  readonly flags: FlagValues;
  /** The value of -o; without -o, the first of the command's formats. */
  readonly format: Format;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
}

export interface Command {
  /** One word or several, with a space between, such as `rollout plan`. */
  readonly name: string;
  /** What to write after the name, as the help shows it; absent if nothing is needed. */
  readonly synopsis?: string;
  readonly summary: string;
  readonly details: string;
  /** How many arguments the command takes; absent if it takes none. */
  readonly args?: { readonly min: number; readonly max: number };
  readonly flags: readonly FlagName[];
  /** The values of -o, the default first; absent if the output is for people only. */
  readonly formats?: readonly Format[];
  /** Runs the command. Resolves to the exit code, or to undefined if the process must go on running. */
  run(call: Call): Promise<ExitCode | undefined>;
}
