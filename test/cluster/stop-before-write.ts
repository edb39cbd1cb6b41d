/**
 * Loaded with --import before main.ts. Stops the process (SIGSTOP) just before a chosen write is sent. The connection is
 * open by then, so the write goes out first when the process continues: before any timer, and before the process can
 * notice how late it is. The requests of the process have its name as user agent.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { ClientRequest, RequestOptions } from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import type { TLSSocket } from 'node:tls';

/** The file that sets the stopping point: it is named after this replica, and contains the request to stop before. */
const planted = join(process.env.STOP_FOLDER ?? '', process.env.POD_NAME ?? '');
const realRequest = https.request;

/** Removes the stopping point if `method path` is its request. True if so. */
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
  // Remove the deadline. If it has passed, it would cut the request off before the audit log has the outcome.
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
