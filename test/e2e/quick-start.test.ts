/**
 * The quick start, from an empty folder: runs each command as written, and compares the output with the page. Leaves out
 * the first block, which needs a container engine.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { blocksIn, textOf } from '../tidy/markdown.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The longest time from `make` until the cluster is ready, on a busy machine. */
const READY_MS = 180_000;

/** `UPDATE=yes` writes the output into the page, so that a person can read the difference. */
const UPDATE = (process.env.UPDATE ?? '') !== '';

function update(commands: string, seen: string): void {
  const path = join(ROOT, 'docs/quick-start.md');
  const [before = '', rest = ''] = readFileSync(path, 'utf8').split(`\`\`\`sh\n${commands}`);
  const shown = () => `\`\`\`text\n${seen.trimEnd()}\n\`\`\``;
  writeFileSync(path, `${before}\`\`\`sh\n${commands}${rest.replace(/```text\n[\s\S]*?\n```/, shown)}`);
}

interface Step {
  readonly commands: string;
  /** The output that the page shows below the commands; undefined if it shows none. */
  readonly shown: string | undefined;
}

/** Each shell block with the text block that follows, in order. */
function stepsOf(text: string): Step[] {
  const blocks = blocksIn(text);
  return blocks.flatMap(({ language, text: commands }, index) => {
    const next = blocks[index + 1];
    return language === 'sh' ? [{ commands, shown: next?.language === 'text' ? next.text : undefined }] : [];
  });
}

/** A repository to clone: this one, with uncommitted changes, and with the packages that are already here. */
function repositoryIn(folder: string): string {
  const path = join(folder, 'repository');
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const file of listed.split('\n').filter((each) => each !== '' && existsSync(join(ROOT, each)))) {
    mkdirSync(join(path, dirname(file)), { recursive: true });
    cpSync(join(ROOT, file), join(path, file), { verbatimSymlinks: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(path, 'node_modules'));
  const git = (...args: string[]) => execFileSync('git', ['-C', path, ...args]);
  git('init', '--quiet');
  git('add', '--all');
  git(
    '-c',
    'user.name=test',
    '-c',
    'user.email=test@example.com',
    'commit',
    '--quiet',
    '--message',
    'as it is',
  );
  return path;
}

describe('the quick start', () => {
  const [inKind, first, ...steps] = stepsOf(textOf('docs/quick-start.md'));
  const folder = mkdtempSync(join(tmpdir(), 'quick-start-'));
  const checkout = join(folder, 'stellar-peers');
  let terminal: ChildProcess | undefined;

  /** Runs what a person types into the second terminal. Resolves to the standard output. */
  const type = async (commands: string): Promise<string> => {
    const script = `. .run/cluster.env\n${commands}`;
    const env = { PATH: process.env.PATH, HOME: folder };
    const { stdout } = await promisify(execFile)('/bin/sh', ['-ec', script], { cwd: checkout, env });
    return stdout;
  };
  const uids = () => type(`kubectl -n stellar get pods -o jsonpath='{.items[*].metadata.uid}'`);

  before(async () => {
    const env = { ...process.env, REPOSITORY: repositoryIn(folder) };
    terminal = spawn('/bin/sh', ['-ec', first?.commands ?? ''], {
      ...{ cwd: folder, env, detached: true },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await untilSaid(terminal, 'Ctrl-C stops it all.');
    terminal.stdout?.resume();
  });
  after(async () => {
    if (terminal?.pid !== undefined && terminal.exitCode === null) {
      const ended = once(terminal, 'exit');
      process.kill(-terminal.pid, 'SIGINT');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  it('starts a cluster with its first commands', () => {
    assert.match(inKind?.commands ?? '', /kind load image-archive/);
    assert.ok(existsSync(join(checkout, '.run/cluster.env')));
    assert.ok(steps.length >= 8, `${steps.length} steps`);
  });

  for (const [index, { commands, shown }] of steps.entries()) {
    it(`prints the output of step ${index + 1} in the page: ${commands.split('\n')[0]}`, async () => {
      const isLast = index === steps.length - 1;
      const earlier = isLast ? await uids() : '';
      const seen = await type(commands);
      if (shown !== undefined && UPDATE) update(commands, seen);
      else if (shown !== undefined) assert.equal(seen.trimEnd(), shown.trimEnd());
      // The last step removes stellar-peers, and restarts no validator.
      if (isLast) assert.equal(await uids(), earlier);
    });
  }
});

/** Waits until the process prints the line. Rejects if the process ends before, or takes too long. */
async function untilSaid(child: ChildProcess, wanted: string): Promise<void> {
  const signal = AbortSignal.timeout(READY_MS);
  const said: string[] = [];
  assert.ok(child.stdout);
  const lines = createInterface({ input: child.stdout, signal });
  for await (const line of lines) {
    said.push(line);
    if (line === wanted) return;
  }
  assert.fail(`never said "${wanted}":\n${said.join('\n')}`);
}
