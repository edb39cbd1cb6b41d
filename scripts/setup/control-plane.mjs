// @ts-check
/** The control plane's binaries: from the cache, else from this machine, else built; then linked into .cache/bin. */
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildBinaries } from './build.mjs';
import { findBinary, isExecutable } from './find.mjs';
import { withLock } from './lock.mjs';
import { BINARIES, cacheFolder, LINKS } from './places.mjs';
import { say } from './say.mjs';

/** @typedef {import('./places.mjs').Binary} Binary */

/** @param {string} cache @param {Binary[]} binaries */
const notIn = (cache, binaries) => binaries.filter(({ name }) => !isExecutable(join(cache, name)));

/** Puts a link in place of the old one in one step. @param {string} name @param {string} path */
function link(name, path) {
  const temporary = join(LINKS, `.${name}.${process.pid}`);
  symlinkSync(path, temporary);
  renameSync(temporary, join(LINKS, name));
}

/** @param {string} cache @param {Binary[]} binaries */
async function build(cache, binaries) {
  await withLock(`${cache}.lock`, 'the control plane', async () => {
    const missing = notIn(cache, binaries);
    if (missing.length > 0) await buildBinaries(missing, cache);
  });
}

/** Obtains all binaries and links them. */
export async function obtainControlPlane() {
  const cache = cacheFolder();
  mkdirSync(LINKS, { recursive: true });
  const missing = notIn(cache, BINARIES);
  /** @type {Binary[]} */
  const toBuild = [];
  for (const binary of missing) {
    const found = await findBinary(binary);
    if (found === undefined) toBuild.push(binary);
    else {
      say(`${binary.name}: found on ${found.origin}, ${found.path}`);
      link(binary.name, found.path);
    }
  }
  const cached = BINARIES.filter((binary) => !missing.includes(binary));
  if (missing.length > 0) for (const { name } of cached) say(`${name}: in the cache`);
  if (toBuild.length > 0) await build(cache, toBuild);
  for (const { name } of [...cached, ...toBuild]) link(name, join(cache, name));
}
