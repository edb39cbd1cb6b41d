/** However a run on real nodes ends, it leaves no process, no mount and no cgroup behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { describe, it } from 'node:test';
import { until } from '../cluster/until.ts';

const CGROUPS = '/sys/fs/cgroup';
const STARTED_MS_MAX = 120_000;

/** The cgroups with this name, in all hierarchies. */
const cgroupsOf = (name: string): string[] =>
  ['', ...readdirSync(CGROUPS)].flatMap((hierarchy) => {
    const folder = join(CGROUPS, hierarchy, name);
    try {
      return readdirSync(folder).length > 0 ? [folder] : [];
    } catch {
      return [];
    }
  });

/** Processes with `word` in their environment. */
const processesOf = (word: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(word);
    } catch {
      return false;
    }
  });

/** Starts a run of held.ts, as `make node-test` starts a run: it waits for ever, or fails if `how` is `fail`. */
function startHeldRun(how: string) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const files = ['run.ts', 'held.ts'].map((file) => join(import.meta.dirname, file));
  const own = { HELD: how, TMPDIR: env.NODE_TEST_FOLDER };
  const child = spawn(process.execPath, files, { env: { ...env, ...own }, stdio: 'ignore' });
  const name = `stellar-peers-node-test-${child.pid}`;
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, name, ended };
}

function assertGone(name: string): void {
  assert.deepEqual(cgroupsOf(name), []);
  assert.deepEqual(processesOf(`NODE_TEST_CGROUP=${name}`), []);
}

describe('a run on real nodes', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`leaves nothing after ${signal} while a container runs`, async () => {
      const mountsBefore = readFileSync('/proc/self/mountinfo', 'utf8');
      const { child, name, ended } = startHeldRun('wait');
      const runs = () => cgroupsOf(join(name, 'held')).length > 0;
      await until('its container runs', runs, { deadlineMs: STARTED_MS_MAX, everyMs: 200 });
      child.kill(signal);
      assert.notEqual(await ended, 0);
      assertGone(name);
      assert.equal(readFileSync('/proc/self/mountinfo', 'utf8'), mountsBefore);
    });
  }

  it('leaves nothing after a failure', async () => {
    const { name, ended } = startHeldRun('fail');
    assert.notEqual(await ended, 0);
    assertGone(name);
  });
});
