/**
 * What a command is: its words, its help, the flags it takes, and what it does with them.
 */
import type { ExitCode } from './exit.ts';
import type { FlagName, FlagValues } from './flags.ts';
import type { Terminal } from './terminal.ts';

export type Format = 'table' | 'wide' | 'json' | 'yaml';

export interface Call {
  /** What stands on the line beside the command's own words and the flags. */
  readonly args: readonly string[];
  readonly flags: FlagValues;
  /** What -o says, or the first of the command's formats. */
  readonly format: Format;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
}

export interface Command {
  /** Its words, with a space between. */
  readonly name: string;
  /** What the line needs beside the words, as the help shows it; absent for nothing. */
  readonly synopsis?: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What else is to be known, for its own help. */
  readonly details: string;
  /** How many arguments it takes beside its words; absent for none. */
  readonly args?: { readonly min: number; readonly max: number };
  readonly flags: readonly FlagName[];
  /** What -o takes, its default first; absent where nothing is printed that a program would read. */
  readonly formats?: readonly Format[];
  /** Does it. Resolves with the exit code, or with undefined where the process goes on by itself. */
  run(call: Call): Promise<ExitCode | undefined>;
}
