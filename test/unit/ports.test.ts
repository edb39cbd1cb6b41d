import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { freePorts } from '../cluster/ports.ts';

/** What another test file is given at the same time. */
async function portsOfAnother(count: number): Promise<number[]> {
  const source = `import { freePorts } from './test/cluster/ports.ts';
    console.log(JSON.stringify(await freePorts(${count})));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source]);
  return JSON.parse(stdout);
}

test('no two test files are given the same port, though nobody listens on it yet', async () => {
  const given = await Promise.all([freePorts(500), freePorts(500), portsOfAnother(500)]);
  const all = given.flat();
  assert.equal(all.length, 1_500);
  assert.equal(new Set(all).size, all.length);
});
