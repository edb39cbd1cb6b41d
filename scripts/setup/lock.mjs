// @ts-check
/** A lock, so that one setup works while others wait. The lock of a setup that died is taken over. */
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { say } from './say.mjs';

const BEAT_MS = 5_000;
const SILENT_MS = 60_000;
const POLL_MS = 500;

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * True if the process of the holder is gone, or if the holder, perhaps on another machine, has not touched the lock for long.
 * @param {string} path
 */
function isStale(path) {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8'));
    if (holder.host === hostname() && !isAlive(holder.pid)) return true;
  } catch {
    // If the file is gone or half written, its age decides.
  }
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > SILENT_MS;
}

/**
 * Removes a lock that was found stale. Another setup may have taken the lock over since, so the file is first moved aside,
 * which only one setup can do, and put back if its holder is alive.
 * @param {string} path
 */
export function removeStale(path) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (!isStale(aside)) linkSync(aside, path);
  } catch (error) {
    // Another setup was faster: it has removed or taken the lock.
    if (!['ENOENT', 'EEXIST'].includes(/** @type {NodeJS.ErrnoException} */ (error).code ?? '')) throw error;
  }
  rmSync(aside, { force: true });
}

/** @param {string} path */
function take(path) {
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Does `work` while no other process holds the lock file at `path`.
 * @template T
 * @param {string} path
 * @param {string} what the name of the work, for the line about waiting
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, what, work) {
  for (let told = false; !take(path); told = true) {
    if (isStale(path)) {
      removeStale(path);
      continue;
    }
    if (!told) say(`another setup is at work on ${what}; waiting for it`);
    await delay(POLL_MS);
  }
  const beating = setInterval(() => utimesSync(path, new Date(), new Date()), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beating);
    rmSync(path, { force: true });
  }
}
