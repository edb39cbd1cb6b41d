/** The help for `--help` and docs/command.md, made from the table of commands. Pure. */
import type { Command } from './command.ts';
import { EXIT_HELP } from './exit.ts';
import { FLAGS, type Flag, type FlagName } from './flags.ts';
import { indented } from './table.ts';

const LINE_LENGTH_MAX = 100;

const EXIT_SECTION = `Exit status\n  ${EXIT_HELP}\n`;

/** The overview, with one line for each command. */
export function overviewOf(commands: readonly Command[]): string {
  const rows = commands.map(({ name, synopsis, summary }) => [
    [name, synopsis].filter(Boolean).join(' '),
    summary,
  ]);
  return `stellar-peers: makes the Stellar validators of a cluster know each other

Usage
${indented(rows.map(([usage = '', summary = '']) => [`stellar-peers ${usage}`, summary]))}
stellar-peers COMMAND --help lists the flags of a command. With bin/ in your PATH, kubectl stellar-peers
COMMAND does the same.

${EXIT_SECTION}`;
}

/** The help of one command. */
export function usageOf(command: Command): string {
  const { name, synopsis, summary, details, flags } = command;
  const line = ['stellar-peers', name, synopsis, flags.length > 0 ? '[flags]' : ''].filter(Boolean).join(' ');
  const rows = [...flags, 'help' as const].map((flag) => [wordsOf(flag), helpOf(flag, command)]);
  const about = details === '' ? '' : `\n${wrapped(details)}\n`;
  return `${wrapped(`${line}: ${summary}`)}\n${about}\nFlags\n${indented(rows)}\n${EXIT_SECTION}`;
}

function wordsOf(name: FlagName): string {
  const { short, value }: Flag = FLAGS[name];
  return `${short === undefined ? '    ' : `-${short}, `}--${[name, value].filter(Boolean).join(' ')}`;
}

const helpOf = (flag: FlagName, { formats = [] }: Command): string =>
  flag === 'output' ? `${formats.join(', ')}; ${formats[0]} by default` : FLAGS[flag].help;

/** Wraps a text into lines that fit a terminal. */
const wrapped = (text: string): string =>
  text.replace(new RegExp(`(.{1,${LINE_LENGTH_MAX}})( |$)`, 'gm'), '$1\n').trimEnd();
