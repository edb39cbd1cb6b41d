/**
 * The HTTPS server of the webhook: one route, limits, and refusals that say why. The caller makes it listen.
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
  /** Absent for the usual limits; tests use shorter ones. */
  readonly limits?: Limits;
}

/**
 * Longer than the 90 s after which the API server itself closes an idle connection. If we closed the connection first,
 * the API server might be sending a review on it just then. That review would be lost, because a POST is not sent
 * again. (k8s.io/apimachinery/pkg/util/net: SetTransportDefaults; net/http: Transport.IdleConnTimeout)
 */
const KEEP_ALIVE_TIMEOUT_MS = 120_000;

/** TLS 1.3, or 1.2 with callers that do not know 1.3. */
const tlsOptions = ({ certPem, keyPem }: ServingCertificate) =>
  ({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' }) as const;

/** The app with its limits, still without hooks and without the route. */
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
    // Also answer a review that arrives during the shutdown: with a 503 its pod would start uninjected.
    return503OnClosing: false,
    // For a path that cannot be decoded. Fastify finds that before it looks for a route, so no other handler is called.
    frameworkErrors: (error, _request, reply) => refuse(reply, refusalFor(error, log)),
    clientErrorHandler: (error, socket) => {
      if (refuseConnection(error, socket)) observe('rejected', 0);
    },
  });
  limitConnections(app.server, { limits, log, clock });
  // Take the body as text and parse it later, so that an unreadable review is refused in our own words.
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

/** Refuses requests that are not reviews, and reviews that cannot be read. */
function addRefusals(app: ReturnType<typeof createApp>, options: WebhookOptions, refuse: Refuse): void {
  const mayRead = createLargeBodies(options.limits ?? LIMITS);
  // The only hook on requests, and with a callback in place of a promise, because a hook slows down every review.
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = refusalOfMethod(request) ?? (mayRead(request, reply) ? undefined : CROWDED);
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
 * The app, with functions to swap its certificate without closing a connection, and to shut it down in two steps. After
 * `drain`, no review is held, and each answer tells the API server to close the connection, so that its next review
 * goes to another replica. Until `close`, reviews are still answered.
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
  const answerReview = createReviews({ ...options, holds, tried, isDraining });
  app.post<{ Body: string }>(WEBHOOK_PATH, (request, reply) => answerReview(request.body ?? '', reply));
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
      // A server that is closing no longer applies its request timeout, so a caller could keep it open for ever.
      const cancel = options.clock.after(timeoutMs, () => app.server.closeAllConnections());
      await app.close();
      cancel();
    },
  };
}

export type WebhookServer = ReturnType<typeof createWebhookServer>;
