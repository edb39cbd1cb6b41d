/** The lock of a setup: one setup at a time, even if an earlier one has died. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { it } from 'node:test';
import { promisify } from 'node:util';

interface Lock {
  removeStale(path: string): void;
  withLock<T>(path: string, what: string, work: () => Promise<T>): Promise<T>;
}

/** Plain JavaScript, since setup runs before there is a Node that runs TypeScript. */
const lock: unknown = await import(new URL('../../scripts/setup/lock.mjs', import.meta.url).href);
const { removeStale, withLock } = lock as Lock;

const lockPath = (): string => join(mkdtempSync(join(tmpdir(), 'stellar-peers-lock-')), 'lock');
const heldBy = (path: string, pid: number): void =>
  writeFileSync(path, JSON.stringify({ pid, host: hostname() }));

/** The number of a process that has ended. */
async function endedPid(): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['-p', 'process.pid']);
  return Number(stdout);
}

it('the lock of a setup that died is taken over', async () => {
  const path = lockPath();
  heldBy(path, await endedPid());
  assert.equal(await withLock(path, 'this', async () => 'done'), 'done');
  assert.deepEqual(readdirSync(join(path, '..')), []);
});

it('a lock that another setup has taken over is not removed as stale', () => {
  const path = lockPath();
  heldBy(path, process.pid);
  removeStale(path);
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).pid, process.pid);
  assert.deepEqual(readdirSync(join(path, '..')), ['lock']);
});
