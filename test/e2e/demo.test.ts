import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');

/** Runs the demo without a terminal. */
async function demo(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ['test/demo/main.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [status] = (await once(child, 'close')) as [number];
  return { status, output };
}

/** The block between the README's markers, without its fence. */
function readmeTranscript(): string {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  return /<!-- transcript:start -->\n```text\n([\s\S]*?)```\n<!-- transcript:end -->/.exec(readme)?.[1] ?? '';
}

describe('the demo', () => {
  it('keeps every promise, stops by itself, and prints the transcript of the README', async () => {
    const { status, output } = await demo(['--transcript']);
    assert.equal(status, 0, output);
    assert.match(output, /Every promise was kept\./);
    assert.match(output, /the status page, while this runs: http:\/\/127\.0\.0\.1:\d+\/ and http:/);
    const [, transcript = ''] = output.split('--- transcript ---\n');
    // If the output of the demo changes, copy this block into README.md.
    assert.equal(readmeTranscript(), transcript.trimEnd().concat('\n'), 'the README shows another run');
  });

  it('fails on a build that restarts two at a time, and names the promise', async () => {
    const { status, output } = await demo([], { BREAK: 'budget' });
    assert.equal(status, 1, output);
    assert.match(output, /✗ .*never two down +most down at once: 2/);
  });
});
