/**
 * The HTTPS app that the API server asks: one route, limits, clear refusals. Never listens by itself.
 */
import fastify, { type FastifyError, type FastifyReply } from 'fastify';
import { WEBHOOK_PATH } from '../../peers/names.ts';
import { PendingReviews } from '../hold/pending-reviews.ts';
import { createReviews, type ReviewEdges } from '../review/reviews.ts';
import { TriedPods } from '../review/tried-pods.ts';
import {
  BODY_BYTES_MAX,
  createLargeBodies,
  HEADER_BYTES_MAX,
  LIMITS,
  type Limits,
  limitConnections,
} from './limits.ts';
import {
  CROWDED,
  drained,
  JSON_TYPE,
  NOT_FOUND,
  type Refusal,
  refusalFor,
  refusalOfMethod,
  refuseConnection,
} from './refusals.ts';

export interface ServingCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface WebhookOptions extends Omit<ReviewEdges, 'holds' | 'tried' | 'isDraining'> {
  readonly certificate: ServingCertificate;
  /** Tests shorten them. */
  readonly limits?: Limits;
}

/**
 * Longer than the 90 s after which the API server's client gives an idle connection up: closing one from our
 * side may do so at the moment at which a review is sent on it, and a POST is not sent again.
 * (k8s.io/apimachinery/pkg/util/net: SetTransportDefaults; net/http: Transport.IdleConnTimeout)
 */
const KEEP_ALIVE_TIMEOUT_MS = 120_000;

/** TLS 1.3 with callers that speak it, and nothing before 1.2. */
const tlsOptions = ({ certPem, keyPem }: ServingCertificate) =>
  ({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' }) as const;

/** The app with its limits; nothing is answered yet. */
function createApp({ certificate, clock, log, observe, limits = LIMITS }: WebhookOptions, refuse: Refuse) {
  const app = fastify({
    https: {
      ...tlsOptions(certificate),
      handshakeTimeout: limits.headersTimeoutMs,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionTimeout: limits.stalledTimeoutMs,
    // A review that arrives while we shut down is answered: the other way would leave its pod uninjected.
    return503OnClosing: false,
    // What is wrong with a path is found before any route is.
    frameworkErrors: (error, _request, reply) => refuse(reply, refusalFor(error, log)),
    clientErrorHandler: (error, socket) => {
      if (refuseConnection(error, socket)) observe('rejected', 0);
    },
  });
  limitConnections(app.server, { limits, log, clock });
  // Reviews are read as text, so that what is wrong with them is said in our words.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  return app;
}

type Refuse = (reply: FastifyReply, refusal: Refusal) => FastifyReply;

const createRefuse =
  ({ observe }: WebhookOptions, isDraining: () => boolean): Refuse =>
  (reply, { status, error, allow }) => {
    observe('rejected', reply.elapsedTime);
    if (isDraining()) reply.header('connection', 'close');
    if (allow) reply.header('allow', allow);
    return reply.code(status).type(JSON_TYPE).send({ error });
  };

/** Answers what is no review, or cannot be answered as one. */
function addRefusals(app: ReturnType<typeof createApp>, options: WebhookOptions, refuse: Refuse): void {
  const takes = createLargeBodies(options.limits ?? LIMITS);
  // A hook costs every review something: this is the only one, and no promise.
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = refusalOfMethod(request) ?? (takes(request, reply) ? undefined : CROWDED);
    if (refusal) refuse(reply, refusal);
    else done();
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, NOT_FOUND));
  app.setErrorHandler<FastifyError>(async (error, request, reply) => {
    if (error.statusCode === 413) await drained(request.raw);
    return refuse(reply, refusalFor(error, options.log));
  });
}

/**
 * The app, and a way to swap its certificate without closing a connection. From `drain` on no review is held, and every
 * answer asks its caller to close the connection and come back elsewhere; reviews are answered until it is closed.
 */
export function createWebhookServer(options: WebhookOptions) {
  const holds = new PendingReviews(options);
  const tried = new TriedPods(options.clock);
  const timeoutMs = (options.limits ?? LIMITS).requestTimeoutMs;
  let draining = false;
  const isDraining = () => draining;
  const refuse = createRefuse(options, isDraining);
  const app = createApp(options, refuse);
  addRefusals(app, options, refuse);
  app.addHook('preClose', async () => holds.release());
  const take = createReviews({ ...options, holds, tried, isDraining });
  app.post<{ Body: string }>(WEBHOOK_PATH, (request, reply) => take(request.body ?? '', reply));
  return {
    app,
    /** New connections get this certificate from now on. Throws, and keeps the old one, if it is unusable. */
    swapCertificate: (certificate: ServingCertificate): void =>
      app.server.setSecureContext(tlsOptions(certificate)),
    drain: (): void => {
      draining = true;
      holds.release();
    },
    close: async (): Promise<void> => {
      // Node does not look for callers that never end their review any more once it closes.
      const cancel = options.clock.after(timeoutMs, () => app.server.closeAllConnections());
      await app.close();
      cancel();
    },
  };
}

export type WebhookServer = ReturnType<typeof createWebhookServer>;
