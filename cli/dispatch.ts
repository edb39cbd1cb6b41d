/**
 * From a command line to the command that it means: words, flags and formats are checked here, once for all commands.
 */
import { parseArgs } from 'node:util';
import type { Call, Command, Format } from './command.ts';
import { EXIT, type ExitCode, UsageError } from './exit.ts';
import { FLAGS, type FlagName, type FlagValues } from './flags.ts';
import type { Terminal } from './terminal.ts';
import { overviewOf, usageOf } from './usage.ts';

/** What a command line meets. */
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
      checkFlags(values, command);
      checkArguments(args, command);
      return command.run({ args, flags: values, format: formatOf(values, command), env, terminal });
    }
  }
  return EXIT.ok;
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
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The command whose words the line begins with. */
function commandOf(words: readonly string[], commands: readonly Command[]): Command {
  const found = commands.find(({ name }) => name.split(' ').every((word, index) => words[index] === word));
  if (found) return found;
  const [first = ''] = words;
  const near = commands
    .filter(({ name }) => name.startsWith(`${first} `))
    .map(({ name }) => name.slice(first.length + 1));
  throw new UsageError(
    near.length > 0 ? `${first} takes one more word: ${near.join(' or ')}` : `unknown command: ${first}`,
  );
}

function checkFlags(values: FlagValues, { name, flags }: Command): void {
  const strange = (Object.keys(values) as FlagName[]).find((flag) => !flags.includes(flag));
  if (strange !== undefined) throw new UsageError(`${name} takes no flag --${strange}`);
}

function checkArguments(args: readonly string[], { name, synopsis, args: { min, max } }: Command): void {
  if (args.length > max) throw new UsageError(`unexpected argument: ${args[max]}`);
  if (args.length < min) throw new UsageError(`${name} needs more: stellar-peers ${name} ${synopsis}`);
}

function formatOf({ output }: FlagValues, { name, formats }: Command): Format {
  const [first = 'table'] = formats;
  const found = output === undefined ? first : formats.find((format) => format === output);
  if (found === undefined) {
    throw new UsageError(`${name} -o takes ${formats.join(', ')}; not ${output}`);
  }
  return found;
}
