/**
 * The HTTP app of the status page: files, a stream of events, and nothing that changes anything. Anybody who reaches
 * the port may look, so it also owns what one who does may cost. Never listens by itself.
 */
import type { ServerResponse } from 'node:http';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ASSETS } from './assets.ts';
import type { Feed } from './feed.ts';

export interface PageLimits {
  /** For the headers of a request. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How often Node looks for requests over their time. */
  readonly checkEveryMs: number;
  /** For a connection on which nothing moves: a stream has a message at least every 10 s. */
  readonly stalledTimeoutMs: number;
  readonly connections: number;
  /** Of them, those that get the stream. */
  readonly watchers: number;
}

/** A person's browser opens six connections and one stream; nobody needs more of a page for operators. */
export const PAGE_LIMITS: PageLimits = {
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  checkEveryMs: 1_000,
  stalledTimeoutMs: 60_000,
  connections: 64,
  watchers: 16,
};

const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_MAX = 64;
const EVENTS_PATH = '/events';

/** Nothing from elsewhere, nothing inline, in nobody's frame; and text is never taken for HTML. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** The app; `close` ends all streams. */
export function createPageServer(feed: Feed, limits: PageLimits = PAGE_LIMITS): FastifyInstance {
  const app = createApp(limits);
  const streams = new Set<ServerResponse>();
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(HEADERS);
    if (request.method === 'GET' || request.method === 'HEAD') done();
    else refuse(reply.header('allow', 'GET, HEAD'), 405, 'this page can only be read');
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'there is nothing here'));
  app.setErrorHandler<Error & { statusCode?: number }>(({ statusCode = 500 }, _request, reply) =>
    refuse(reply, statusCode, 'this cannot be answered'),
  );
  for (const [path, { type, text }] of Object.entries(ASSETS)) {
    app.get(path, (_request, reply) => reply.type(type).send(text));
  }
  app.get(EVENTS_PATH, { exposeHeadRoute: false }, (request, reply) => {
    if (streams.size >= limits.watchers) {
      return refuse(reply.header('retry-after', '10'), 503, 'too many are watching; this page tries again');
    }
    return stream(request, reply, feed, streams);
  });
  app.addHook('preClose', async () => {
    for (const each of streams) each.end();
  });
  return app;
}

function createApp(limits: PageLimits): FastifyInstance {
  const app = fastify({
    http: {
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    bodyLimit: 1024,
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.stalledTimeoutMs,
    keepAliveTimeout: limits.headersTimeoutMs,
    forceCloseConnections: true,
    frameworkErrors: (error, _request, reply) =>
      refuse(reply.headers(HEADERS), error.statusCode ?? 400, 'this cannot be answered'),
  });
  app.server.maxHeadersCount = HEADERS_MAX;
  app.server.maxConnections = limits.connections;
  app.server.on('drop', () => app.server.closeIdleConnections());
  return app;
}

const refuse = (reply: FastifyReply, status: number, text: string): FastifyReply =>
  reply.code(status).type('text/plain; charset=utf-8').send(`${text}\n`);

/**
 * Sends one watcher the stream. Of what a watcher has not taken yet only the newest message is kept, and whoever takes
 * nothing for long is cut off.
 */
function stream(
  { raw: { socket } }: FastifyRequest,
  reply: FastifyReply,
  feed: Feed,
  streams: Set<ServerResponse>,
): void {
  reply.hijack();
  const { raw } = reply;
  let waiting: string | undefined;
  const send = (message: string): void => {
    if (raw.writableNeedDrain) waiting = message;
    else raw.write(message);
  };
  raw.on('drain', () => {
    const message = waiting;
    waiting = undefined;
    if (message !== undefined) raw.write(message);
  });
  socket.setNoDelay(true);
  raw.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream; charset=utf-8' });
  raw.write('retry: 2000\n\n');
  streams.add(raw);
  const leave = feed.join(send);
  raw.once('close', () => {
    streams.delete(raw);
    leave();
  });
}
