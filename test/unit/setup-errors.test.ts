/** What a setup says that may not write where it keeps things. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { it } from 'node:test';

const SETUP = join(import.meta.dirname, '../../scripts/setup.mjs');

it('a setup that cannot write its cache says so in one sentence, and how to name another folder', () => {
  // Without a PATH, no helm of this machine is found.
  const env = { PATH: '', STELLAR_PEERS_CACHE: '/dev/null/cache', DOWNLOAD_BASE: 'none' };
  const { status, stderr } = spawnSync(process.execPath, [SETUP, '--only', 'helm'], {
    env,
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^setup: ENOTDIR: .* '\/dev\/null\/cache'; STELLAR_PEERS_CACHE names another folder\n$/,
  );
});
