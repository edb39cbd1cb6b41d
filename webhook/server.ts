/**
 * The HTTPS app that the API server asks: one route, limits, clear refusals. Never listens by itself.
 */
import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import { WEBHOOK_PATH } from '../peers/names.ts';
import { describeReason } from '../peers/reasons.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { MergeSettings, Outcome, Result } from './admit.ts';
import type { PeerDirectory } from './directory.ts';
import { Holds } from './holds.ts';
import { mutate } from './mutate.ts';
import { answer, type Review, readReview } from './review.ts';

/** Certificate chain and key as PEM. */
export interface ServingCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface WebhookOptions {
  readonly certificate: ServingCertificate;
  readonly directory: PeerDirectory;
  readonly clock: Clock;
  readonly log: Log;
  readonly ownNamespace: string;
  readonly merging?: MergeSettings;
  /** Called once per request with what became of it; the time includes waiting. */
  readonly observe: (result: Result, durationMs: number) => void;
}

/** The API server's own limit for a request is 3 MiB. */
const BODY_BYTES_MAX = 3 * 1024 * 1024;
/** Longer than any review may take (timeoutSeconds 5), short enough to shed stuck connections. */
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
/**
 * Longer than the 90 s after which the API server's client gives an idle connection up: whoever closes one from our
 * side may do so at the moment at which a review is sent on it, and a POST is not sent again.
 * (k8s.io/apimachinery/pkg/util/net: SetTransportDefaults; net/http: Transport.IdleConnTimeout)
 */
const KEEP_ALIVE_TIMEOUT_MS = 120_000;

const JSON_TYPE = 'application/json; charset=utf-8';

const tlsOptions = ({ certPem, keyPem }: ServingCertificate) =>
  ({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2' }) as const;

/** The app with its limits; nothing is answered yet. */
function createApp({ certificate }: WebhookOptions) {
  const app = fastify({
    https: {
      ...tlsOptions(certificate),
      headersTimeout: HEADERS_TIMEOUT_MS,
      handshakeTimeout: HEADERS_TIMEOUT_MS,
    },
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // A review that arrives while we shut down is answered: the other way would leave its pod uninjected.
    return503OnClosing: false,
  });
  // Reviews are read as text, so that what is wrong with them is said in our words.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  return app;
}

/** Answers what is no review, or cannot be answered as one. */
function addRefusals(app: ReturnType<typeof createApp>, options: WebhookOptions, isDraining: () => boolean) {
  const refuse = (reply: FastifyReply, { status, error, allow }: Refusal): FastifyReply => {
    options.observe('rejected', reply.elapsedTime);
    if (isDraining()) reply.header('connection', 'close');
    if (allow) reply.header('allow', allow);
    return reply.code(status).type(JSON_TYPE).send({ error });
  };
  // A hook costs every review something: this is the only one, and no promise.
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = refusalOfMethod(request);
    if (refusal) refuse(reply, refusal);
    else done();
  });
  app.setNotFoundHandler((_request, reply) =>
    refuse(reply, { status: 404, error: `Reviews are answered at ${WEBHOOK_PATH} only.` }),
  );
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
  const holds = new Holds(options);
  const edges = { ...options, holds };
  let draining = false;
  const app = createApp(options);
  addRefusals(app, options, () => draining);
  app.addHook('preClose', async () => holds.release());
  app.post<{ Body: string }>(WEBHOOK_PATH, (request, reply) => {
    const review = readReview(request.body ?? '');
    const startMs = options.clock.monotonicMs();
    const finish = (outcome: Outcome): void => {
      const durationMs = options.clock.monotonicMs() - startMs;
      options.observe(outcome.result, durationMs);
      logOutcome(options.log, review, outcome, durationMs);
      send(reply, answer(review.uid, outcome), draining ? CLOSING : {});
    };
    const outcome = outcomeOf(review, edges);
    if (outcome instanceof Promise) return outcome.then(finish);
    finish(outcome);
    return undefined;
  });
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
      const cancel = options.clock.after(REQUEST_TIMEOUT_MS, () => app.server.closeAllConnections());
      await app.close();
      cancel();
    },
  };
}

export type WebhookServer = ReturnType<typeof createWebhookServer>;

/** Whatever goes wrong in us must not keep a pod from starting. */
function outcomeOf(review: Review, edges: WebhookOptions & { holds: Holds }): Outcome | Promise<Outcome> {
  const failed = (error: unknown): Outcome => {
    const { namespace, name, uid } = review;
    edges.log.error(
      { error, namespace, name, uid },
      'admission failed; the pod is allowed without injection',
    );
    return { result: 'failed', operations: [], warnings: [FAILED] };
  };
  try {
    const outcome = mutate(review, edges);
    return outcome instanceof Promise ? outcome.catch(failed) : outcome;
  } catch (error) {
    return failed(error);
  }
}

const FAILED = {
  code: 'UnreadablePod',
  detail: 'admission failed on it; see the log of stellar-peers',
} as const;

function logOutcome(log: Log, review: Review, { result, warnings }: Outcome, durationMs: number): void {
  const { uid, namespace, name, dryRun } = review;
  log.debug({ uid, namespace, name, dryRun, result, durationMs }, 'review answered');
  for (const warning of warnings) {
    log.warn(
      { uid, namespace, name, reason: warning.code, why: describeReason(warning) },
      'admission warning',
    );
  }
}

const CLOSING = { connection: 'close' };

/**
 * Sends an answer past what Fastify does for answers that may be anything: ours are short texts of ASCII, which Node
 * writes in one piece with the headers.
 */
function send(reply: FastifyReply, text: string, more: Readonly<Record<string, string>>): void {
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': JSON_TYPE, 'content-length': text.length, ...more });
  reply.raw.end(text, 'latin1');
}

/** Why a request is answered with no review. */
interface Refusal {
  readonly status: number;
  /** One sentence for whoever sent it. */
  readonly error: string;
  /** The methods that are. */
  readonly allow?: string;
}

function refusalOfMethod({ method, url }: FastifyRequest): Refusal | undefined {
  if (method === 'POST' || url.split('?')[0] !== WEBHOOK_PATH) return undefined;
  return { status: 405, error: `Reviews are sent by POST, not by ${method}.`, allow: 'POST' };
}

/**
 * Reads a body that is too large to its end, and drops it: whoever is still sending when we close would see a
 * broken connection in place of our answer. requestTimeout bounds how long that may take.
 */
async function drained(body: IncomingMessage): Promise<void> {
  body.resume();
  await finished(body).catch(() => undefined);
}

const SENTENCES: Readonly<Record<number, string>> = {
  413: `The body is larger than ${BODY_BYTES_MAX} bytes.`,
  415: 'The content type must be application/json.',
};

function refusalFor(error: FastifyError, log: Log): Refusal {
  const status = error.statusCode ?? 500;
  if (status >= 500) log.error({ error }, 'a request to the webhook failed');
  return { status, error: SENTENCES[status] ?? error.message };
}
