/**
 * Handles reviews from arrival to answer. All reviews that arrive in one turn of the event loop are decided together, and
 * then answered. If one of them fails, the others are not affected.
 */
import type { FastifyReply } from 'fastify';
import { describeReason } from '../../peers/reasons/reasons.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import { JSON_TYPE } from '../http/refusals.ts';
import type { Outcome, Result } from './admit.ts';
import { answer } from './answer.ts';
import { inMicroBatches } from './micro-batch.ts';
import { type MutateEdges, mutate } from './mutate.ts';
import { type Review, readReview } from './review.ts';

export interface ReviewEdges extends MutateEdges {
  readonly clock: Clock;
  readonly log: Log;
  /** Called once per request with its result. The duration is counted from its arrival, waiting included. */
  readonly observe: (result: Result, durationMs: number) => void;
  /** True while callers are asked to close their connections. */
  readonly isDraining: () => boolean;
}

interface Arrived {
  readonly body: string;
  readonly reply: FastifyReply;
  readonly startMs: number;
}

interface Answered {
  readonly review: Review;
  readonly outcome: Outcome;
  readonly text: string;
}

/** Returns the function that takes the body of a request and answers it: with a review, or with an error. */
export function createReviews(edges: ReviewEdges): (body: string, reply: FastifyReply) => void {
  const take = inMicroBatches<Arrived>(edges.clock, (arrived) => decide(arrived, edges));
  return (body, reply) => take({ body, reply, startMs: edges.clock.monotonicMs() });
}

/** Decides on a review. Returns the function that sends the answer, or that passes an error to Fastify's error handler. */
function decide(arrived: Arrived, edges: ReviewEdges): () => void {
  const { body, reply } = arrived;
  try {
    const answered = answerTo(readReview(body), edges);
    return answered instanceof Promise
      ? () => void answered.then((later) => finish(arrived, later, edges))
      : () => finish(arrived, answered, edges);
  } catch (error) {
    return () => void reply.send(error);
  }
}

/** Allows the pod without injection if our own code throws: a fault of ours must not keep a pod from starting. */
function answerTo(review: Review, edges: ReviewEdges): Answered | Promise<Answered> {
  const written = (outcome: Outcome): Answered => ({ review, outcome, text: answer(review.uid, outcome) });
  const failed = (error: unknown): Answered => {
    edges.log.error(
      { error, ...logFieldsOf(review) },
      'admission failed; the pod is allowed without injection',
    );
    return written({ result: 'failed', operations: [], warnings: [FAILED] });
  };
  try {
    const outcome = mutate(review, edges);
    return outcome instanceof Promise ? outcome.then(written).catch(failed) : written(outcome);
  } catch (error) {
    return failed(error);
  }
}

const FAILED = {
  code: 'UnreadablePod',
  detail: 'admission failed on it; see the log of stellar-peers',
} as const;

/** If an answer cannot be sent, its connection is ended: the caller sees that at once, and no other caller is affected. */
function finish({ reply, startMs }: Arrived, { review, outcome, text }: Answered, edges: ReviewEdges): void {
  try {
    const durationMs = edges.clock.monotonicMs() - startMs;
    edges.observe(outcome.result, durationMs);
    logOutcome(edges.log, review, outcome, durationMs);
    reply.hijack();
    send(reply, text, edges.isDraining());
  } catch (error) {
    edges.log.error({ error, uid: review.uid }, 'an answer could not be sent; its connection is closed');
    reply.raw.destroy();
  }
}

/** Texts that others wrote are cut to this length, so that no pod can fill the log. */
const LOGGED_MAX = 300;
const truncated = (text: string): string =>
  text.length <= LOGGED_MAX ? text : `${text.slice(0, LOGGED_MAX)}...`;

const logFieldsOf = ({ namespace, name, uid }: Review) => ({
  namespace: truncated(namespace),
  name: truncated(name),
  uid,
});

function logOutcome(log: Log, review: Review, { result, warnings }: Outcome, durationMs: number): void {
  const about = logFieldsOf(review);
  log.debug({ ...about, dryRun: review.dryRun, result, durationMs }, 'review answered');
  for (const warning of warnings) {
    const why = truncated(describeReason(warning));
    log.warn({ ...about, reason: warning.code, why }, 'admission warning');
  }
}

/** Sends an answer directly to the socket: Fastify's `send` would take a tenth of a review's time. */
function send({ raw }: FastifyReply, text: string, isLast: boolean): void {
  const headers = { 'content-type': JSON_TYPE, 'content-length': Buffer.byteLength(text) };
  raw.writeHead(200, isLast ? { ...headers, connection: 'close' } : headers);
  raw.end(text);
}
