/**
 * From a command line to the command that it means: words, flags and formats are checked here, once for all commands.
 */
import { parseArgs } from 'node:util';
import { lettersOff } from '../peers/read/letters-off.ts';
import type { Call, Command, Format } from './command.ts';
import { EXIT, type ExitCode, UsageError } from './exit.ts';
import { FLAGS, type FlagName, type FlagValues } from './flags.ts';
import type { Terminal } from './terminal.ts';
import { overviewOf, usageOf } from './usage.ts';

export interface Program {
  readonly commands: readonly Command[];
  readonly version: string;
  readonly env: Call['env'];
  readonly terminal: Terminal;
}

/** Does what the line says; as Command.run. Throws UsageError where it says nothing that can be done. */
export async function dispatch(line: readonly string[], program: Program): Promise<ExitCode | undefined> {
  const { commands, version, env, terminal } = program;
  const { values, positionals } = parse(line);
  const asksHelp = values.help === true || positionals[0] === 'help';
  const words = positionals[0] === 'help' ? positionals.slice(1) : positionals;
  if (values.version) terminal.print(`${version}\n`);
  else if (words.length === 0) terminal.print(overviewOf(commands));
  else {
    const command = commandOf(words, commands);
    if (asksHelp) terminal.print(usageOf(command));
    else {
      const args = words.slice(command.name.split(' ').length);
      return await callOf(command, { args, flags: values, env, terminal });
    }
  }
  return EXIT.ok;
}

/** Runs the command; an error of usage knows which one it was. */
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

/** What Node says of a line, without its advice. */
function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [, flag] = /^Unknown option '(-[^']*)'/.exec(message) ?? [];
  if (flag === undefined) return message.split('. ')[0] ?? '';
  const known = Object.keys(FLAGS).map((name) => `--${name}`);
  return `unknown flag: ${flag}${didYouMean(flag, known)}`;
}

/** The word that is at most two letters off, as a question; nothing where none is. */
function didYouMean(word: string, known: readonly string[]): string {
  const best = known
    .map((each) => ({ each, off: lettersOff(word, each) }))
    .filter(({ off }) => off <= Math.min(2, word.length - 1))
    .sort((a, b) => a.off - b.off)[0];
  return best ? `; did you mean ${best.each}?` : '';
}

/** The command whose words the line begins with. */
function commandOf(words: readonly string[], commands: readonly Command[]): Command {
  const found = commands.find(({ name }) => name.split(' ').every((word, index) => words[index] === word));
  if (found) return found;
  const [first = ''] = words;
  const names = commands.map(({ name }) => name.split(' '));
  const near = names.filter(([word, ...more]) => word === first && more.length > 0);
  if (near.length > 0) {
    const more = near.map(([, ...words]) => words.join(' ')).join(' or ');
    throw new UsageError(`${first} takes one more word: ${more}`);
  }
  const known = names.map(([word = '']) => word);
  throw new UsageError(`unknown command: ${first}${didYouMean(first, known)}`);
}

function checkFlags(values: FlagValues, { name, flags }: Command): void {
  const strange = (Object.keys(values) as FlagName[]).find((flag) => !flags.includes(flag));
  if (strange !== undefined) throw new UsageError(`${name} takes no flag --${strange}`);
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
