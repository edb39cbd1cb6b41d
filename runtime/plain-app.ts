/** An HTTP app without TLS, which every program that reaches its port may call, and what a caller may cost us there. */
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { guardConnections } from './connections.ts';

export interface PlainLimits {
  /** For the headers of each request; over TLS also for the handshake. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How often Node looks for requests over their time. With its default of 30 s, each would live that long. */
  readonly checkEveryMs: number;
  /** For a connection on which nothing moves, such as that of a caller that does not read its answer. */
  readonly stalledTimeoutMs: number;
  readonly connections: number;
}

/** Of the port for probes and metrics: two kubelets' probes and a few that scrape. */
export const PLAIN_LIMITS: PlainLimits = {
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  checkEveryMs: 1_000,
  stalledTimeoutMs: 10_000,
  connections: 64,
};

const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_MAX = 64;

/** What is answered where Fastify cannot find a route for a request, such as for a path that cannot be decoded. */
export type OnBadRequest = (error: FastifyError, reply: FastifyReply) => void;

/** The app with its limits; nothing is answered yet. */
export function createPlainApp(limits: PlainLimits, onBadRequest: OnBadRequest): FastifyInstance {
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
    frameworkErrors: (error, _request, reply) => onBadRequest(error, reply),
  });
  app.server.maxHeadersCount = HEADERS_MAX;
  guardConnections(app.server, limits);
  return app;
}
