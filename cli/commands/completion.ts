/** `stellar-peers completion`: the script with which a shell completes commands and flags, made from their tables. */
import type { Call, Command } from '../command.ts';
import { EXIT, type ExitCode, UsageError } from '../exit.ts';
import { FLAGS, type Flag } from '../flags.ts';

/** The command `completion`. `commands` returns the table of commands, which contains this command too. */
export const completionOf = (commands: () => readonly Command[]): Command => ({
  name: 'completion',
  synopsis: 'bash|zsh|fish',
  summary: 'print the script with which a shell completes commands and flags',
  details:
    'For bash and zsh: source <(stellar-peers completion bash). For fish: stellar-peers completion fish | source.',
  args: { min: 1, max: 1 },
  flags: [],
  run: ({ args: [shell = ''], terminal }: Call): Promise<ExitCode> => {
    const script = SHELLS[shell];
    if (!script) throw new UsageError(`completion takes bash, zsh or fish; not ${shell}`);
    terminal.print(script(commands()));
    return Promise.resolve(EXIT.ok);
  },
});

/** Pairs of the words typed so far and the words that may follow. The longest come first, because a shell takes the first match. */
function wordsAfter(commands: readonly Command[]): Array<readonly [string, string]> {
  const names = commands.map(({ name }) => name.split(' '));
  const secondWords = names
    .filter(({ length }) => length > 1)
    .map(([first = '', ...rest]) => [first, rest.join(' ')] as const);
  const flags = commands.map(
    ({ name, flags }) => [name, [...flags, 'help'].map((flag) => `--${flag}`).join(' ')] as const,
  );
  return [...flags, ...secondWords].sort(([a], [b]) => b.length - a.length);
}

const firstWords = (commands: readonly Command[]): string =>
  [...new Set(commands.map(({ name }) => name.split(' ')[0]))].join(' ');

const bash = (commands: readonly Command[]): string => `_stellar_peers() {
  local before="\${COMP_WORDS[*]:1:COMP_CWORD-1}" words='${firstWords(commands)} --help --version'
  case "$before " in
${wordsAfter(commands)
  .map(([before, words]) => `    '${before} '*) words='${words}' ;;\n`)
  .join('')}  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _stellar_peers stellar-peers
`;

const zsh = (commands: readonly Command[]): string =>
  `autoload -U +X compinit bashcompinit && compinit && bashcompinit\n${bash(commands)}`;

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap(({ name, summary, flags }) => {
    const [first = '', ...rest] = name.split(' ');
    const condition = `-n '__fish_seen_subcommand_from ${first}'`;
    return [
      `-n __fish_use_subcommand -f -a ${first} -d ${quoted(rest.length === 0 ? summary : '')}`,
      ...rest.map((word) => `${condition} -f -a ${word} -d ${quoted(summary)}`),
      ...flags.map((flag) => {
        const { short, value, help }: Flag = FLAGS[flag];
        const letter = short === undefined ? '' : ` -s ${short}`;
        return `${condition} -l ${flag}${letter}${value === undefined ? '' : ' -r'} -d ${quoted(help)}`;
      }),
    ];
  });
  return lines.map((line) => `complete -c stellar-peers ${line}\n`).join('');
}

/** A word in single quotes, for fish. */
const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;

const SHELLS: Readonly<Record<string, (commands: readonly Command[]) => string>> = { bash, zsh, fish };
