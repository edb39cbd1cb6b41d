/**
 * Finds free ports on loopback, below the kernel's range for outgoing connections. Test files run in parallel, and listen a
 * moment after they have asked for a port. So a process reserves each of its ports until it ends.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const FIRST = 20_000;
const LAST = 31_000;
const HOST = '127.0.0.1';

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen({ port, host: HOST, exclusive: true });
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/**
 * Reserves the port for this process. Resolves to false if another process has reserved it. The UDP port of the same number
 * is the lock: no server under test uses UDP, only one process can bind it, and the kernel frees it with that process.
 */
async function reserve(port: number): Promise<boolean> {
  const lock = createSocket('udp4').unref();
  try {
    lock.bind({ port, address: HOST });
    await once(lock, 'listening');
    return true;
  } catch {
    lock.close();
    return false;
  }
}

/** Finds `count` ports on which no process listens. No other test gets them while this process runs. */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let attempt = 0; attempt < 1000 && found.length < count; attempt += 1) {
    const port = randomInt(FIRST, LAST);
    if ((await reserve(port)) && (await isFree(port))) found.push(port);
  }
  if (found.length < count) throw new Error(`no ${count} free ports between ${FIRST} and ${LAST}`);
  return found;
}
