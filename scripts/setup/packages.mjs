// @ts-check
/** Installs the npm packages, which include Node, by `npm ci` if node_modules differs from the lockfile. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { ROOT } from './places.mjs';
import { run } from './run.mjs';
import { duration, say } from './say.mjs';

/**
 * @typedef {{ version?: string, optional?: boolean, devOptional?: boolean }} Entry
 * @typedef {Record<string, Entry>} Entries
 */

/** @param {string} path @returns {Entries} */
function entries(path) {
  const { '': _project, ...packages } = JSON.parse(readFileSync(path, 'utf8')).packages;
  return packages;
}

/** True if the packages that npm noted at the end of its last installation are those of the lockfile. */
function isInstalled() {
  try {
    const wanted = entries(join(ROOT, 'package-lock.json'));
    const present = entries(join(ROOT, 'node_modules/.package-lock.json'));
    // Packages of other platforms are in the lockfile only.
    const missing = Object.entries(wanted).some(([path, entry]) => !entry.optional && !present[path]);
    const differs = Object.entries(present).some(([path, entry]) => entry.version !== wanted[path]?.version);
    return !missing && !differs;
  } catch {
    return false;
  }
}

/** True if the installed Node runs: an interrupted installation may have left none. */
async function nodeRuns() {
  const version = await run(join(ROOT, 'node_modules/.bin/node'), ['--version']).catch(() => '');
  return version !== '';
}

/** Installs the packages, unless they are there. */
export async function installPackages() {
  await withLock(join(ROOT, '.cache/npm.lock'), 'node_modules', async () => {
    if (isInstalled() && (await nodeRuns())) return;
    const startedAt = Date.now();
    const elapsed = () => duration(Date.now() - startedAt);
    say('npm packages: installing');
    await run('npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: ROOT,
      beat: () => `npm packages: still installing (${elapsed()} so far)`,
    });
    say(`npm packages: installed in ${elapsed()}`);
  });
}
