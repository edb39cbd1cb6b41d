/** An HTTP app without TLS, with limits for its callers: any program that reaches the port can call. */
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { guardConnections } from './connections.ts';

export interface PlainLimits {
  /** The time limit for the headers of a request, and for a TLS handshake. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How often Node looks for requests over their time limit. With its default of 30 s, short limits have no effect. */
  readonly checkEveryMs: number;
  /** The time limit for a connection without any traffic, such as that of a caller that does not read its answer. */
  readonly stalledTimeoutMs: number;
  readonly connections: number;
}

/** The limits of the port for probes and metrics. Its usual callers are kubelets and a few scrapers. */
export const PLAIN_LIMITS: PlainLimits = {
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  checkEveryMs: 1_000,
  stalledTimeoutMs: 10_000,
  connections: 64,
};

const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_MAX = 64;

/** Answers a request for which Fastify cannot look for a route, such as one with a path that cannot be decoded. */
export type OnBadRequest = (error: FastifyError, reply: FastifyReply) => void;

/** Creates the app with its limits, without routes. */
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
