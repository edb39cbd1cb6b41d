/**
 * What a caller of the webhook may cost us: in time, connections and memory. Every program that reaches the port may call, since
 * an API server need not say who it is; so these bound what a stranger can do, far above what an API server does.
 */
import type { Server } from 'node:https';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../runtime/clock.ts';
import { guardConnections } from '../../runtime/connections.ts';
import type { Log } from '../../runtime/log.ts';

/** The API server's own limit for a request is 3 MiB. */
export const BODY_BYTES_MAX = 3 * 1024 * 1024;

/** A review of an ordinary pod has 5 to 20 KB. What is larger is never held, and few such are read at once. */
export const LARGE_BYTES = 64 * 1024;

/** Node's own; the API server sends some hundred bytes, and a token where it is configured to. */
export const HEADER_BYTES_MAX = 16 * 1024;
export const HEADERS_MAX = 64;

export interface Limits {
  /** For the handshake, and for the headers of each request. */
  readonly headersTimeoutMs: number;
  /** For a whole request. */
  readonly requestTimeoutMs: number;
  /** How often Node looks for requests over their time. Its default, 30 s, would let each of them live that long. */
  readonly checkEveryMs: number;
  /** For a caller that does not read its answer. */
  readonly stalledTimeoutMs: number;
  readonly connections: number;
  /** Connections of one address that are worked on at once, and that stay while their reviews are under way. */
  readonly atOnce: number;
  /** Large bodies that are read at once. */
  readonly largeBodies: number;
}

/**
 * Times: longer than any review may take (timeoutSeconds 5), short enough to shed what is stuck.
 *
 * Together the rest fits in the 256 MiB of the Deployment: 512 connections of 50 KB and 64 KiB of body each, and 16
 * bodies of 3 MiB. An API server opens a connection for each review that is under way at the same time, and five
 * workers make the pods of StatefulSets.
 */
export const LIMITS: Limits = {
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  checkEveryMs: 1_000,
  stalledTimeoutMs: 30_000,
  connections: 512,
  atOnce: 32,
  largeBodies: 16,
};

const TOLD_EVERY_MS = 60_000;

/** Bounds connections and what one sends at once, and says in the log where there are too many. */
export function limitConnections(
  server: Server,
  { limits, log, clock }: { limits: Limits; log: Log; clock: Clock },
): void {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  const onFull = (): void => {
    if (clock.monotonicMs() < toldAtMs + TOLD_EVERY_MS) return;
    toldAtMs = clock.monotonicMs();
    log.warn(
      { connections: limits.connections },
      'the webhook has as many connections as it takes; one of the address that has most was closed',
    );
  };
  server.maxHeadersCount = HEADERS_MAX;
  guardConnections(server, { ...limits, tls: true, onFull });
}

/** Counts the large bodies that are under way; a caller that does not say how large its body is may send a large one. */
export function createLargeBodies({ largeBodies }: Limits) {
  let open = 0;
  /** False where there are too many already. */
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
