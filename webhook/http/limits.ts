/**
 * Limits the time, connections and memory that one caller of the webhook can use. Any program that reaches the port can
 * call, because an API server need not say who it is. The limits are far above the needs of an API server.
 */
import type { Server } from 'node:https';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../runtime/clock.ts';
import { guardConnections } from '../../runtime/connections.ts';
import type { Log } from '../../runtime/log.ts';
import { PLAIN_LIMITS, type PlainLimits } from '../../runtime/plain-app.ts';
import { RateLimitedLog } from '../../runtime/rate-limited-log.ts';

/** The API server's own limit for a request is 3 MiB. */
export const BODY_BYTES_MAX = 3 * 1024 * 1024;

/** A review of an ordinary pod has 5 to 20 KB. A larger review is never held, and few larger ones are read at once. */
export const LARGE_BYTES = 64 * 1024;

/** Node's own limit. The API server sends a few hundred bytes of headers, and a token if it is configured so. */
export const HEADER_BYTES_MAX = 16 * 1024;
export const HEADERS_MAX = 64;

export interface Limits extends PlainLimits {
  /** How many connections of one address are served at once, and stay open while their reviews are under way. */
  readonly atOnce: number;
  /** How many large bodies are read at once. */
  readonly largeBodies: number;
}

/**
 * The times are longer than any review may take (timeoutSeconds 5), and short enough to get rid of stuck connections.
 *
 * The other limits together fit into the 256 MiB of the Deployment: 256 connections with up to 300 KB of buffers each, and
 * 16 bodies of 3 MiB. An API server opens one connection per review that is under way at the same time, and the pods of
 * StatefulSets are made by five workers.
 */
export const LIMITS: Limits = {
  ...PLAIN_LIMITS,
  stalledTimeoutMs: 30_000,
  connections: 256,
  atOnce: 32,
  largeBodies: 16,
};

/** Limits the number of connections, and the data that each may send at once. Logs when there are too many. */
export function limitConnections(
  server: Server,
  { limits, log, clock }: { limits: Limits; log: Log; clock: Clock },
): void {
  const limited = new RateLimitedLog(clock, log);
  const onFull = () =>
    limited.log(
      { connections: limits.connections },
      'the webhook has as many connections as it takes; one of the address that has most was closed',
    );
  server.maxHeadersCount = HEADERS_MAX;
  guardConnections(server, { ...limits, tls: true, onFull });
}

/** Counts the large bodies under way. A body whose size the caller does not announce counts as large. */
export function createLargeBodies({ largeBodies }: Limits) {
  let open = 0;
  /** False if there are too many already. */
  return ({ headers }: FastifyRequest, { raw }: FastifyReply): boolean => {
    if (Number(headers['content-length']) <= LARGE_BYTES) return true;
    if (open >= largeBodies) return false;
    open += 1;
    raw.once('close', () => {
      open -= 1;
    });
    return true;
  };
}
