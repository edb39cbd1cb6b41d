/**
 * The read-only HTTP app of the status page: files and a stream of events. Any program that reaches the port can call, so
 * it also limits each caller. The caller of this module makes the app listen.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { createPlainApp, PLAIN_LIMITS, type PlainLimits } from '../runtime/plain-app.ts';
import { ASSETS } from './assets.ts';
import type { Feed } from './feed.ts';
import { isHostOf } from './hosts.ts';

export interface PageLimits extends PlainLimits {
  /** The most connections that get the stream. */
  readonly watchers: number;
}

/** A person's browser opens six connections and one stream. A stream has a message at least every 10 s. */
export const PAGE_LIMITS: PageLimits = { ...PLAIN_LIMITS, stalledTimeoutMs: 60_000, watchers: 16 };

const NOT_OURS = 'the page is not called by this name; see STATUS_PAGE_HOSTS';
const EVENTS_PATH = '/events';

/** Forbids content from other sites, inline scripts, frames, and guesses about content types. */
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

/** Creates the app. Its `close` ends all streams. */
export function createPageServer(
  feed: Feed,
  hosts: ReadonlySet<string>,
  limits: PageLimits = PAGE_LIMITS,
): FastifyInstance {
  const app = createPlainApp(limits, ({ statusCode = 400 }, reply) =>
    refuse(reply.headers(HEADERS), statusCode, 'this cannot be answered'),
  );
  const streams = new Set<ServerResponse>();
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(HEADERS);
    if (!isHostOf(hosts, request.headers.host)) refuse(reply, 421, NOT_OURS);
    else if (request.method === 'GET' || request.method === 'HEAD') done();
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
      return refuse(
        reply.header('retry-after', '10'),
        503,
        'too many browsers watch this page; it tries again',
      );
    }
    return stream(request, reply, feed, streams);
  });
  app.addHook('preClose', async () => {
    for (const each of streams) each.end();
  });
  return app;
}

const refuse = (reply: FastifyReply, status: number, text: string): FastifyReply =>
  reply.code(status).type('text/plain; charset=utf-8').send(`${text}\n`);

/** Sends one watcher the stream: of a slow one only the newest message. One that reads nothing is cut off. */
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
