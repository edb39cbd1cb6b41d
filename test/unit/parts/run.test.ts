/** One part of the tests: how it runs, what output is kept, and what is reported. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Part } from '../../../scripts/parts/parts.ts';
import { failures, leftOut } from '../../../scripts/parts/report.ts';
import { type Outcome, runPart } from '../../../scripts/parts/run.ts';

const part = (script: string, obtain?: Part['obtain']): Part => ({
  script,
  what: `what ${script} does`,
  ...(obtain ? { obtain } : {}),
});

describe('a part', () => {
  const logs = mkdtempSync(join(tmpdir(), 'parts-'));
  after(() => rmSync(logs, { recursive: true }));
  const said: string[] = [];
  const run = (each: Part, command: string): Promise<Outcome> =>
    runPart(each, { logs, command: () => ['sh', '-c', command], say: (line) => void said.push(line) });

  it('that exits with 0 has passed, and its output is in a separate file', async () => {
    const { verdict, logPath = '' } = await run(part('one:two'), 'echo out; echo err >&2');
    assert.equal(verdict, 'passed');
    assert.equal(logPath, join(logs, 'one-two.log'));
    assert.equal(readFileSync(logPath, 'utf8'), 'out\nerr\n');
  });

  it('that ends in any other way has failed', async () => {
    assert.equal((await run(part('one'), 'exit 3')).verdict, 'failed');
    assert.equal((await run(part('one'), 'kill -KILL $$')).verdict, 'failed');
  });

  it('that lacks a tool is not run, with the reason', async () => {
    const { verdict, why } = await run(
      part('one', async () => 'not installed: helm'),
      'exit 1',
    );
    assert.deepEqual({ verdict, why }, { verdict: 'not run', why: 'not installed: helm' });
  });

  it('whose requirements fail by our own mistake has failed', async () => {
    const broken = part('one', () => Promise.reject(new Error('it does not build')));
    assert.equal((await run(broken, 'exit 0')).verdict, 'failed');
    assert.match(said.join(), /it does not build/);
  });
});

describe('the report', () => {
  const times = { wallMs: 61_000, processorMs: 90_500 };
  const outcomes: Outcome[] = [
    { part: part('lint'), verdict: 'passed', ...times },
    { part: part('test:unit'), verdict: 'failed', ...times, logPath: '.run/test/test-unit.log' },
    { part: part('test:helm'), verdict: 'not run', why: 'not installed: go', wallMs: 1, processorMs: 0 },
  ];

  it('shows for each failed part its output and how to run it alone, and why a part was left out', () => {
    const output = `✖ failing tests:\n\ntest at test/a.test.ts:5:1\n✖ adds (two) numbers (1.5ms)\n  Error: 3 (2ms)\n`;
    assert.deepEqual(
      failures(outcomes, () => output),
      [
        'test:unit failed; alone: npm run test:unit',
        '  test/a.test.ts:5:1: adds (two) numbers',
        '      Error: 3 (2ms)',
      ],
    );
    const longer = `${output}${'  value\n'.repeat(30)}      at a.ts:1 {\n    [cause]: TypeError: no\n        at b.ts:2\n`;
    const said = failures(outcomes, () => longer);
    assert.equal(said.length, 1 + 1 + 20 + 2);
    assert.deepEqual(
      said.slice(-2),
      ['      [cause]: TypeError: no', '          at b.ts:2'].map((each) => `  ${each}`),
    );
    assert.deepEqual(leftOut(outcomes), ['what test:helm does (not installed: go)']);
  });
});
