// @ts-check
/** The binaries of a kit: from the cache, else from this machine, else downloaded, else built; then linked into .cache. */
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildBinaries } from './build.mjs';
import { downloadBinaries } from './download.mjs';
import { findBinary, isExecutable } from './find.mjs';
import { withLock } from './lock.mjs';
import { cacheFolder, DEFINITIONS, LINKS } from './places.mjs';
import { say } from './say.mjs';

/** @typedef {import('./places.mjs').Binary} Binary */
/** @typedef {import('./places.mjs').Kit} Kit */

/** @param {string} cache @param {Binary[]} binaries */
const notIn = (cache, binaries) => binaries.filter(({ name }) => !isExecutable(join(cache, name)));

/** Puts a link in place of the old one in one step. @param {string} folder @param {string} name @param {string} path */
export function link(folder, name, path) {
  mkdirSync(folder, { recursive: true });
  const temporary = join(folder, `.${name}.${process.pid}`);
  symlinkSync(path, temporary);
  renameSync(temporary, join(folder, name));
}

/** @param {Kit} kit @param {string} cache @param {Binary[]} binaries */
async function build(kit, cache, binaries) {
  await withLock(`${cache}.lock`, kit.what, async () => {
    const missing = notIn(cache, binaries);
    const left = await downloadBinaries(missing, cache);
    if (left.length > 0) await buildBinaries(kit, left, cache);
  });
}

/** Obtains all binaries of a kit and links them. @param {Kit} kit */
export async function obtain(kit) {
  const cache = cacheFolder(kit);
  const links = kit.links ?? LINKS;
  const missing = notIn(cache, kit.binaries);
  /** @type {Binary[]} */
  const toBuild = [];
  for (const binary of missing) {
    const found = await findBinary(binary);
    if (found === undefined) toBuild.push(binary);
    else {
      say(`${binary.name}: found on ${found.origin}, ${found.path}`);
      link(links, binary.name, found.path);
    }
  }
  const cached = kit.binaries.filter((binary) => !missing.includes(binary));
  if (missing.length > 0) for (const { name } of cached) say(`${name}: in the cache`);
  if (toBuild.length > 0) await build(kit, cache, toBuild);
  for (const { name } of [...cached, ...toBuild]) link(links, name, join(cache, name));
  if (kit.definitions) link(DEFINITIONS, kit.name, join(cache, 'definitions'));
}
