/**
 * Loaded with --import before main.ts: stops the process (SIGSTOP) at a planted point, when a write is about to go out.
 * The connection stands by then, so that its bytes are the first thing that happens once the process goes on: before
 * any timer, and before the process can learn how late it is. Its requests carry its name as user agent.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { ClientRequest, RequestOptions } from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import type { TLSSocket } from 'node:tls';

/** Where the point is planted: a file named after this replica, with the request that it stops before. */
const planted = join(process.env.STOP_FOLDER ?? '', process.env.POD_NAME ?? '');
const realRequest = https.request;

/** Takes the point away where `method path` is the request that it names. */
function isPlantedAt(method: string, path: string): boolean {
  if (!existsSync(planted)) return false;
  if (!new RegExp(readFileSync(planted, 'utf8')).test(`${method} ${path}`)) return false;
  rmSync(planted);
  return true;
}

function stopBeforeBytesGo(outgoing: ClientRequest): void {
  const stop = () => process.kill(process.pid, 'SIGSTOP');
  outgoing.once('socket', (socket) => {
    if (socket.connecting || (socket as TLSSocket & { secureConnecting?: boolean }).secureConnecting)
      socket.prependOnceListener('secureConnect', stop);
    else stop();
  });
}

function request(
  url: URL,
  options: RequestOptions,
  done: Parameters<typeof https.request>[2],
): ClientRequest {
  const { method = 'GET', headers = {}, signal, ...rest } = options;
  const named = {
    ...rest,
    method,
    headers: { ...headers, 'user-agent': `stellar-peers/${process.env.POD_NAME}` },
  };
  const isPlanted = isPlantedAt(method, url.pathname);
  // A deadline that has passed would cut it off before the audit log says what became of it.
  const outgoing = realRequest(url, isPlanted || !signal ? named : { ...named, signal }, done);
  if (isPlanted) stopBeforeBytesGo(outgoing);
  return outgoing;
}

// The product calls it with a URL, options and a callback; other ways of calling are not meant.
https.request = ((...args: Parameters<typeof https.request>) =>
  args[0] instanceof URL
    ? request(args[0], args[1] as RequestOptions, args[2])
    : realRequest(...args)) as typeof https.request;
syncBuiltinESMExports();
