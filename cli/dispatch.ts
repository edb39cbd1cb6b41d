/** Finds the command that a command line names and runs it. Checks words, flags and formats for all commands. */
import { parseArgs } from 'node:util';
import type { Call, Command, Format } from './command.ts';
import { EXIT, type ExitCode, UsageError } from './exit.ts';
import { FLAGS, type FlagName, type FlagValues } from './flags.ts';
import { didYouMean } from './nearest.ts';
import type { Terminal } from './terminal.ts';
import { overviewOf, usageOf } from './usage.ts';

export interface Program {
  readonly commands: readonly Command[];
  readonly version: string;
  readonly env: Call['env'];
  readonly terminal: Terminal;
}

/** Runs the command of the line; the result is that of Command.run. Throws UsageError if the line is not valid. */
export async function dispatch(line: readonly string[], program: Program): Promise<ExitCode | undefined> {
  const { commands, version, env, terminal } = program;
  const { values, positionals } = parse(line);
  const asksHelp = values.help === true || positionals[0] === 'help';
  const words = positionals[0] === 'help' ? positionals.slice(1) : positionals;
  if (values.version) terminal.print(`${version}\n`);
  else if (words.length === 0) terminal.print(overviewOf(commands));
  else {
    const command = commandOf(words, commands, asksHelp);
    if (asksHelp) terminal.print(usageOf(command));
    else {
      const args = words.slice(command.name.split(' ').length);
      return await callOf(command, { args, flags: values, env, terminal });
    }
  }
  return EXIT.ok;
}

/** Runs the command. Adds the command's name to a UsageError. */
async function callOf(command: Command, call: Omit<Call, 'format'>): Promise<ExitCode | undefined> {
  try {
    checkFlags(call.flags, command);
    checkArguments(call.args, command);
    return await command.run({ ...call, format: formatOf(call.flags, command) });
  } catch (error) {
    if (error instanceof UsageError) error.command = command.name;
    throw error;
  }
}

function parse(line: readonly string[]): { values: FlagValues; positionals: string[] } {
  // As with kubectl, -o=json is -o json.
  const args = line.flatMap((text) => {
    const [, flag, value] = /^(-[a-zA-Z])=(.*)$/s.exec(text) ?? [];
    return flag === undefined || value === undefined ? [text] : [flag, value];
  });
  try {
    return parseArgs({ args, options: FLAGS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(wordsOf(error));
  }
}

/** Node's message about the line, without its advice. */
function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [, flag] = /^Unknown option '(-[^']*)'/.exec(message) ?? [];
  if (flag === undefined) return message.split('. ')[0] ?? '';
  const known = Object.keys(FLAGS).map((name) => `--${name}`);
  return `unknown flag: ${flag}${didYouMean(flag, known)}`;
}

/** The command whose name the line begins with. For help, the first word is enough if only one command begins with it. */
function commandOf(words: readonly string[], commands: readonly Command[], forHelp: boolean): Command {
  const found = commands.find(({ name }) => name.split(' ').every((word, index) => words[index] === word));
  if (found) return found;
  const [first = ''] = words;
  const near = commands.filter(({ name }) => name.startsWith(`${first} `));
  const [only] = near;
  if (forHelp && only && near.length === 1) return only;
  if (near.length > 0) {
    const more = near.map(({ name }) => name.slice(first.length + 1)).join(' or ');
    throw new UsageError(`${first} takes one more word: ${more}`);
  }
  const known = commands.map(({ name }) => name.split(' ')[0] ?? '');
  throw new UsageError(`unknown command: ${first}${didYouMean(first, known)}`);
}

function checkFlags(values: FlagValues, { name, flags }: Command): void {
  const unexpected = (Object.keys(values) as FlagName[]).find((flag) => !flags.includes(flag));
  if (unexpected !== undefined) throw new UsageError(`${name} takes no flag --${unexpected}`);
}

const NO_ARGS = { min: 0, max: 0 };

function checkArguments(given: readonly string[], { name, synopsis, args = NO_ARGS }: Command): void {
  const { min, max } = args;
  if (given.length > max) throw new UsageError(`unexpected argument: ${given[max]}`);
  if (given.length < min) throw new UsageError(`${name} needs more: stellar-peers ${name} ${synopsis}`);
}

function formatOf({ output }: FlagValues, { name, formats = [] }: Command): Format {
  const [first = 'table'] = formats;
  const found = output === undefined ? first : formats.find((format) => format === output);
  if (found === undefined) {
    throw new UsageError(`${name} -o takes ${formats.join(', ')}; not ${output}`);
  }
  return found;
}
