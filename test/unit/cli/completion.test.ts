/** Completions in shells. Bash itself is run. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { COMMANDS } from '../../../cli/commands.ts';
import { runProgram } from '../../../cli/program.ts';
import { FakeTerminal } from './fake-terminal.ts';

async function scriptFor(shell: string): Promise<string> {
  const terminal = new FakeTerminal();
  const { code } = await runProgram(['completion', shell], { env: {}, terminal });
  assert.equal(code, 0, terminal.err);
  return terminal.out;
}

/** The completions that bash offers for the last word. */
function offered(script: string, words: readonly string[]): string[] {
  const line = ['stellar-peers', ...words].map((word) => `'${word}'`).join(' ');
  const asked = `COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _stellar_peers; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', `${script}\n${asked}`], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout.split('\n').filter(Boolean);
}

it('bash completes commands, their second words and their flags', async () => {
  const script = await scriptFor('bash');
  for (const { name } of COMMANDS) assert.ok(offered(script, ['']).includes(name.split(' ')[0] ?? ''), name);
  assert.deepEqual(offered(script, ['st']), ['status']);
  assert.deepEqual(offered(script, ['rollout', '']), ['plan']);
  assert.deepEqual(offered(script, ['rollout', 'plan', '--se']), ['--selector', '--set', '--server']);
  assert.deepEqual(offered(script, ['status', '--wa']), ['--watch']);
  assert.deepEqual(offered(script, ['run', '--']), ['--help']);
});

it('zsh uses the completion of bash, and fish has a line for each command and flag', async () => {
  assert.ok((await scriptFor('zsh')).endsWith(await scriptFor('bash')));
  const lines = (await scriptFor('fish')).trim().split('\n');
  for (const line of lines) assert.match(line, /^complete -c stellar-peers -n .* -d '([^'\\]|\\')*'$/);
  assert.ok(lines.some((line) => line.includes("seen_subcommand_from status' -l watch -s w -d")));
});

it('a completion for an unknown shell is refused', async () => {
  const terminal = new FakeTerminal();
  const { code } = await runProgram(['completion', 'csh'], { env: {}, terminal });
  assert.deepEqual(
    [code, terminal.err.split('\n')[0]],
    [2, 'stellar-peers: completion takes bash, zsh or fish; not csh'],
  );
});
