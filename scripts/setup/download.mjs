// @ts-check
/**
 * Downloads official releases in place of builds. Each is checked against its published checksum and run once before it
 * is used. A failure is printed, and then the binary is built.
 *
 * DOWNLOAD_BASE names a mirror, which holds each file under its official address less `https://`; `none` downloads nothing.
 */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { downloaded } from './progress.mjs';
import { run } from './run.mjs';
import { keepSaying, say } from './say.mjs';

/** The longest wait for an answer of the server, so that people do not wait long for a site that cannot be reached. */
const ANSWER_MS_MAX = 5_000;
/** The longest time between two pieces of a file. */
const SILENCE_MS_MAX = 20_000;
const ASK_MS = 10_000;

/** @typedef {import('./places.mjs').Binary} Binary */
/** @typedef {NonNullable<Binary['release']>} Release */

/** @param {string} url its official address */
function addressOf(url) {
  const base = process.env.DOWNLOAD_BASE;
  return base ? `${base.replace(/\/+$/, '')}/${url.replace(/^https:\/\//, '')}` : url;
}

/**
 * Downloads a whole file. Rejects if no data comes for too long.
 * @param {string} url
 * @param {(received: number, total: number | undefined) => void} [onPiece] called with numbers of bytes
 */
async function get(url, onPiece = () => {}) {
  const address = addressOf(url);
  const stop = new AbortController();
  let limitMs = ANSWER_MS_MAX;
  const giveUp = () => stop.abort(new Error(`nothing came for ${limitMs / 1000} s`));
  let timer = setTimeout(giveUp, limitMs);
  try {
    const response = await fetch(address, { signal: stop.signal });
    if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
    limitMs = SILENCE_MS_MAX;
    // A compressed transfer is longer after unpacking than the server says.
    const isPacked = response.headers.has('content-encoding');
    const total = isPacked ? undefined : Number(response.headers.get('content-length')) || undefined;
    const pieces = [];
    let received = 0;
    for await (const piece of response.body) {
      clearTimeout(timer);
      timer = setTimeout(giveUp, limitMs);
      pieces.push(piece);
      received += piece.length;
      onPiece(received, total);
    }
    return Buffer.concat(pieces);
  } catch (error) {
    throw new Error(`${address}: ${said(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** The text of an error, or of its cause: `fetch failed` says nothing. @param {unknown} error @returns {string} */
function said(error) {
  if (!(error instanceof Error)) return String(error);
  return error.message === 'fetch failed' && error.cause !== undefined ? said(error.cause) : error.message;
}

/**
 * The sum of `file` in a list of `<sha256>  <name>`, or in a text that is nothing but a sum.
 * @param {string} text
 * @param {string} file
 */
export function publishedSum(text, file) {
  const lines = text.split('\n').map((line) => /^([0-9a-f]{64})(?:\s+\*?(\S+))?\s*$/.exec(line));
  return lines.find((line) => line && (line[2] === undefined || basename(line[2]) === file))?.[1];
}

/** @param {string} name @param {Release} release */
async function checkedFile(name, { url, sums }) {
  let far = 'nothing yet';
  const stopSaying = keepSaying(() => `${name}: downloading (${far})`);
  const onPiece = (/** @type {number} */ received, /** @type {number | undefined} */ total) => {
    far = downloaded(received, total);
  };
  const [file, list] = await Promise.all([get(url, onPiece), get(sums)]).finally(stopSaying);
  const wanted = publishedSum(list.toString('utf8'), basename(url));
  if (wanted === undefined) throw new Error(`${addressOf(sums)} has no checksum of ${basename(url)}`);
  const found = createHash('sha256').update(file).digest('hex');
  if (found !== wanted)
    throw new Error(`${addressOf(url)} has the checksum ${found}, published is ${wanted}`);
  return file;
}

/** One file out of a packed archive. @param {Buffer} archive @param {string} member @param {string} folder */
async function unpack(archive, member, folder) {
  const packed = join(folder, 'archive.tar.gz');
  writeFileSync(packed, archive);
  await run('tar', ['-xzf', packed, '-C', folder, member]);
  return readFileSync(join(folder, member));
}

/** @param {Binary} binary @param {Release} release @param {string} cache */
async function download(binary, release, cache) {
  const folder = join(cache, `.${binary.name}.downloading-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    const file = await checkedFile(binary.name, release);
    const content = release.member ? await unpack(file, release.member, folder) : file;
    const path = join(folder, binary.name);
    writeFileSync(path, content);
    chmodSync(path, 0o755);
    const answer = await run(path, binary.ask, { timeoutMs: ASK_MS });
    if (!binary.fits.test(answer)) throw new Error(`its version is ${answer.trim().slice(0, 100)}`);
    renameSync(path, join(cache, binary.name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Downloads binaries into `cache`, all at the same time. Resolves to those that failed; a printed line says why.
 * @param {Binary[]} binaries
 * @param {string} cache
 */
export async function downloadBinaries(binaries, cache) {
  if (process.env.DOWNLOAD_BASE === 'none') return binaries;
  /** @param {Binary} binary */
  const attempt = async (binary) => {
    if (!binary.release) return binary;
    try {
      await download(binary, binary.release, cache);
      say(
        `${binary.name}: downloaded from ${addressOf(binary.release.url)}, its checksum is the published one`,
      );
      return undefined;
    } catch (error) {
      say(`${binary.name}: not downloaded (${said(error)}); it is built instead`);
      return binary;
    }
  };
  const left = await Promise.all(binaries.map(attempt));
  return left.filter((binary) => binary !== undefined);
}
