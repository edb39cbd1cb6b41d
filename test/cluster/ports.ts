/**
 * Free ports on loopback, below the range from which the kernel picks those of outgoing connections. Test files run side by
 * side and listen a moment after they asked, so a port is kept for whoever asked first, until that process has ended.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const FIRST = 20_000;
const LAST = 31_000;
/** One file a port that was given away, with the process that has it. */
const FOLDER = join(tmpdir(), 'stellar-peers-ports');

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen({ port, host: '127.0.0.1', exclusive: true });
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** Keeps the port for this process; false where another that still runs has it. */
function reserve(port: number): boolean {
  const file = join(FOLDER, String(port));
  mkdirSync(FOLDER, { recursive: true });
  for (const attempt of ['first', 'after a process that has ended']) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt !== 'first') return false;
      if (isHeld(file)) return false;
      rmSync(file, { force: true });
    }
  }
  return false;
}

function isHeld(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch (error) {
    // Of a process of somebody else one may not ask: it runs.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** `count` different ports that nobody listens on now, and that no other test is given while this process runs. */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let attempt = 0; attempt < 1000 && found.length < count; attempt += 1) {
    const port = randomInt(FIRST, LAST);
    if (reserve(port) && (await isFree(port))) found.push(port);
  }
  if (found.length < count) throw new Error(`no ${count} free ports between ${FIRST} and ${LAST}`);
  return found;
}
