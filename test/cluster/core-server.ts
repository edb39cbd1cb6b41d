/**
 * A stand-in for stellar-core's command port: answers `/peers`, `/info` and `/connect` like stellar-core, or misbehaves in
 * one of several ways. It connects to no peer.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { connectText, infoText, peersText, UNKNOWN_COMMAND } from './core-texts.ts';

/**
 * `slow`: answers in pieces over `slowMs`. `hang`: accepts the request and never answers. `endless`: the body never ends.
 * `redirect`: points to another page of the same server. `exception`: a refusal with status 200.
 */
type CoreBehaviour = 'answer' | 'slow' | 'error' | 'hang' | 'endless' | 'redirect' | 'garbage' | 'exception';

export interface CoreServer {
  readonly host: string;
  readonly port: number;
  /** The request targets in order of arrival, without the target of the redirect. */
  readonly calls: readonly string[];
  /** The outbound peers in `/peers`, as `host:port`. A `/connect` adds one. */
  readonly connected: Set<string>;
  behaviour: CoreBehaviour;
  slowMs: number;
  /** The answer to `/info`. Without `failAt` it has no quorum set. */
  readonly info: { state: string; age: number; failAt?: number };
  /** How often a client followed the redirect. */
  readonly redirectedTo: number;
  /** Connections that are open now. */
  readonly openConnections: number;
  /** Closes the port and every connection. */
  stop(): Promise<void>;
}

interface CoreServerOptions {
  /** Any address of loopback. Default 127.0.0.1. */
  readonly host?: string;
  /** Default: any free port. */
  readonly port?: number;
  /** Called with the peer of each `/connect`, as `host:port`. */
  readonly onDial?: (address: string) => void;
}

const ELSEWHERE = '/elsewhere';
const PIECES = 4;

/** Listens on the given address. Rejects if the address is in use. */
export async function startCoreServer(options: CoreServerOptions = {}): Promise<CoreServer> {
  const { host = '127.0.0.1', port = 0, onDial } = options;
  const sockets = new Set<Socket>();
  const calls: string[] = [];
  const counts = { redirectedTo: 0 };
  const server = createServer((asked, answer) => {
    answer.on('error', () => answer.destroy());
    const target = asked.url ?? '';
    if (target === ELSEWHERE) {
      counts.redirectedTo += 1;
      answer.end('{}');
      return;
    }
    calls.push(target);
    // The client may be gone before the answer is.
    const { address } = connectText(new URL(target, 'http://core').searchParams);
    if (target.startsWith('/connect?') && address !== undefined && core.behaviour === 'answer')
      onDial?.(address);
    if (asked.method === 'GET') respond(core, target, answer).catch(() => answer.destroy());
    else answer.writeHead(405).end();
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const core: CoreServer = {
    host,
    port: (server.address() as AddressInfo).port,
    calls,
    connected: new Set(),
    behaviour: 'answer',
    slowMs: 200,
    info: { state: 'Synced!', age: 3 },
    get redirectedTo() {
      return counts.redirectedTo;
    },
    get openConnections() {
      return sockets.size;
    },
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return core;
}

async function respond(core: CoreServer, target: string, answer: ServerResponse): Promise<void> {
  const responses: Record<CoreBehaviour, () => unknown> = {
    answer: () => answer.end(textFor(core, target)),
    slow: () => dribble(textFor(core, target), core.slowMs, answer),
    error: () => answer.writeHead(500).end('internal error'),
    hang: () => undefined,
    endless: () => pipeline(Readable.from(blocks()), answer),
    redirect: () => answer.writeHead(302, { location: `http://${core.host}:${core.port}${ELSEWHERE}` }).end(),
    garbage: () => answer.end('\u0000{"authenticated_peers": [<html>'),
    exception: () => answer.end('{"exception": "the command was refused"}'),
  };
  await responses[core.behaviour]();
}

function textFor(core: CoreServer, target: string): string {
  const { pathname, searchParams } = new URL(target, 'http://core');
  if (pathname === '/peers') return peersText({ inbound: [], outbound: [...core.connected] });
  if (pathname === '/info') return infoText({ ...core.info, links: core.connected.size });
  if (pathname !== '/connect') return UNKNOWN_COMMAND;
  const { address, text } = connectText(searchParams);
  if (address !== undefined) core.connected.add(address);
  return text;
}

async function dribble(text: string, overMs: number, answer: ServerResponse): Promise<void> {
  const pieceLength = Math.ceil(text.length / PIECES);
  for (let piece = 0; piece < PIECES && !answer.destroyed; piece += 1) {
    await delay(overMs / PIECES);
    answer.write(text.slice(piece * pieceLength, (piece + 1) * pieceLength));
  }
  answer.end();
}

function* blocks(): Generator<string> {
  for (;;) yield ' '.repeat(16_384);
}
