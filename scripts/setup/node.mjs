// @ts-check
/** Obtains the oldest Node that package.json promises to support, from the npm registry, and keeps it in the cache. */
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable } from './find.mjs';
import { link } from './kits.mjs';
import { withLock } from './lock.mjs';
import { cacheRoot, MINIMUM_NODE, ROOT } from './places.mjs';
import { run } from './run.mjs';
import { SetupError, say } from './say.mjs';

/** `>=24.12` is 24.12.0 and everything after it. */
function minimumVersion() {
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const [, major, minor, patch = '0'] = /^>=(\d+)\.(\d+)(?:\.(\d+))?$/.exec(engines.node) ?? [];
  if (major === undefined) throw new SetupError(`package.json names no oldest Node: ${engines.node}`);
  return `${major}.${minor}.${patch}`;
}

/** The package that has only the program for this machine, and runs no install script. */
function packageName() {
  const { platform, arch } = process;
  const prefix = platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node';
  return `${prefix}-${platform}-${arch}`;
}

/** @param {string} version @param {string} folder */
async function fetchInto(folder, version) {
  const name = packageName();
  const scratch = `${folder}.fetching-${process.pid}`;
  const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
  try {
    mkdirSync(scratch, { recursive: true });
    await run('npm', ['install', '--prefix', scratch, ...flags, `${name}@${version}`], { cwd: scratch });
    mkdirSync(folder, { recursive: true });
    renameSync(join(scratch, 'node_modules', name, 'bin/node'), join(folder, 'node'));
  } catch (cause) {
    const code = /npm error code (\w+)/.exec(String(cause))?.[1] ?? String(cause);
    throw new SetupError(`${name}@${version} cannot be fetched from the npm registry: ${code}`, { cause });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Obtains the oldest Node and links it. */
export async function obtainMinimumNode() {
  const version = minimumVersion();
  const folder = join(cacheRoot(), `node-${version}-${process.platform}-${process.arch}`);
  await withLock(`${folder}.lock`, `Node.js ${version}`, async () => {
    if (isExecutable(join(folder, 'node'))) return;
    say(`Node.js ${version}: fetching`);
    await fetchInto(folder, version);
  });
  link(MINIMUM_NODE, 'node', join(folder, 'node'));
}
