import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { freePorts } from '../cluster/ports.ts';

/** What another test file is given at the same time. Its process keeps its ports until the test ends, as a test file does. */
async function portsOfAnother(t: TestContext, count: number): Promise<number[]> {
  const source = `import { freePorts } from './test/cluster/ports.ts';
    console.log(JSON.stringify(await freePorts(${count})));
    process.stdin.resume();`;
  const child = execFile(process.execPath, ['--input-type=module', '-e', source], () => {});
  t.after(() => child.kill());
  for await (const line of child.stdout ?? []) return JSON.parse(line);
  throw new Error('the other process ended without ports');
}

test('no two test files are given the same port, though no server listens on it yet', async (t) => {
  const others = [portsOfAnother(t, 300), portsOfAnother(t, 300)];
  const given = await Promise.all([freePorts(500), freePorts(500), ...others]);
  const all = given.flat();
  assert.equal(all.length, 1_600);
  assert.equal(new Set(all).size, all.length);
});
