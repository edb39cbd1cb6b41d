/** How a command line is read: help, words, flags, arguments and formats. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Call, Command } from '../../../cli/command.ts';
import { COMMANDS } from '../../../cli/commands.ts';
import { dispatch } from '../../../cli/dispatch.ts';
import { EXIT, exitCodeOf, UsageError } from '../../../cli/exit.ts';
import { FLAGS } from '../../../cli/flags.ts';
import { FakeTerminal } from './fake-terminal.ts';

/** The output of a command line, and the command that it calls. */
async function said(line: readonly string[], commands: readonly Command[] = COMMANDS) {
  const terminal = new FakeTerminal();
  const code = await dispatch(line, { commands, version: '1.2.3', env: {}, terminal });
  return { code, out: terminal.out, err: terminal.err };
}

/** A command that records its calls. */
function noting(calls: Call[], over: Partial<Command> = {}): Command {
  const run = async (call: Call) => {
    calls.push(call);
    return 1 as const;
  };
  return {
    ...{ name: 'show all', synopsis: 'NAME', summary: 'shows', details: '', args: { min: 1, max: 2 } },
    ...{ flags: ['namespace', 'output', 'set', 'yes'], formats: ['table', 'json'], run },
    ...over,
  };
}

describe('a command line', () => {
  it('without words, or with a request for help, prints the list of all commands', async () => {
    for (const line of [[], ['--help'], ['-h'], ['help']]) {
      const { code, out, err } = await said(line);
      assert.deepEqual([code, err], [0, '']);
      for (const { name, summary } of COMMANDS) assert.ok(out.includes(name) && out.includes(summary), name);
    }
    assert.equal((await said(['--version'])).out, '1.2.3\n');
  });

  it('prints the help of a command, with all its flags, wherever --help is placed', async () => {
    for (const { name, flags, formats = [] } of COMMANDS) {
      const words = name.split(' ');
      const { out } = await said([...words, '--help']);
      assert.ok(out.startsWith(`stellar-peers ${name}`), out);
      for (const flag of [...flags, 'help']) assert.ok(out.includes(`--${flag}`), `${name} --${flag}`);
      for (const format of formats) assert.ok(out.includes(format), `${name} -o ${format}`);
      assert.equal((await said(['-h', ...words])).out, out);
      assert.equal((await said(['help', ...words])).out, out);
      // No two commands begin with the same word.
      assert.equal((await said([words[0] ?? '', '--help'])).out, out);
    }
  });

  it('calls the command with its arguments, flags and format, in any order, as with kubectl', async () => {
    const calls: Call[] = [];
    const lines = [
      ['show', 'all', 'a', '-n', 'x', '-o', 'json', '--set', 'A=1', '--set', 'B=2'],
      ['-n=x', 'show', '-ojson', 'all', '--set=A=1', 'a', '--set', 'B=2'],
      ['--namespace', 'x', '--output=json', 'show', 'all', '--set', 'A=1', '--set=B=2', '--', 'a'],
    ];
    for (const line of lines) assert.equal((await said(line, [noting(calls)])).code, 1);
    for (const { args, flags, format } of calls) {
      assert.deepEqual([args, format, flags.namespace, flags.set], [['a'], 'json', 'x', ['A=1', 'B=2']]);
    }
    assert.equal(calls.length, 3);
  });

  it('with a mistake is refused with a message on the mistake, and calls no command', async () => {
    const calls: Call[] = [];
    const wrong: ReadonlyArray<readonly [readonly string[], RegExp]> = [
      [['bogus'], /^unknown command: bogus$/],
      [['show'], /^show takes one more word: all$/],
      [['show', 'one'], /^show takes one more word: all$/],
      [['show', 'all'], /^show all needs more: stellar-peers show all NAME$/],
      [['show', 'all', 'a', 'b', 'c'], /^unexpected argument: c$/],
      [['show', 'all', 'a', '--watch'], /^show all takes no flag --watch$/],
      [['show', 'all', 'a', '--bogus'], /--bogus/],
      [['show', 'all', 'a', '-n'], /argument missing/],
      [['show', 'all', 'a', '--yes=no'], /does not take an argument/],
      [['show', 'all', 'a', '-o', 'wide'], /^show all -o takes table, json; not wide$/],
    ];
    for (const [line, message] of wrong) {
      await assert.rejects(said(line, [noting(calls)]), (error) => {
        assert.ok(error instanceof UsageError, line.join(' '));
        assert.match(error.message, message);
        return true;
      });
    }
    assert.deepEqual(calls, []);
  });
});

describe('a cluster that does not answer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-cli-'));
  after(() => rmSync(folder, { recursive: true }));

  it('leads to exit code 3 in every command that needs a cluster', async () => {
    const kubeconfig = join(folder, 'kubeconfig');
    const clusters = [{ name: 'c', cluster: { server: 'https://127.0.0.1:9' } }];
    const contexts = [{ name: 'x', context: { cluster: 'c', user: 'u' } }];
    const users = [{ name: 'u', user: { token: 't' } }];
    writeFileSync(kubeconfig, JSON.stringify({ clusters, contexts, users, 'current-context': 'x' }));
    const asking = COMMANDS.filter(({ flags }) => flags.includes('kubeconfig'));
    assert.ok(asking.length > 6);
    for (const { name, args, flags } of asking) {
      const words = [...name.split(' '), ...Array<string>(args?.min ?? 0).fill('x')];
      const needed = name === 'adopt' ? ['--all', '-n', 'x'] : [];
      const yes = flags.includes('yes') ? ['--yes'] : [];
      const line = [...words, ...needed, ...yes, '--kubeconfig', kubeconfig];
      assert.equal(await said(line).then(({ code }) => code, exitCodeOf), EXIT.unreachable, name);
    }
  });
});

describe('the table of commands', () => {
  it('names each command once, and gives -o formats exactly for the commands that take -o', () => {
    assert.equal(new Set(COMMANDS.map(({ name }) => name)).size, COMMANDS.length);
    for (const { name, flags, formats = [] } of COMMANDS)
      assert.equal(flags.includes('output'), formats.length > 0, name);
  });

  it('uses every flag, and no letter twice', () => {
    const used = new Set(COMMANDS.flatMap(({ flags }) => flags));
    const unused = Object.keys(FLAGS).filter((name) => !used.has(name as keyof typeof FLAGS));
    assert.deepEqual(unused, ['help', 'version']);
    const letters = Object.values(FLAGS).flatMap((flag) => ('short' in flag ? [flag.short] : []));
    assert.equal(new Set(letters).size, letters.length);
  });
});
