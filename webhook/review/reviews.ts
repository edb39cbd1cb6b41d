/**
 * Reviews from their arrival to their answer: those of one turn of the event loop are decided together, and answered after
 * that. Whatever goes wrong with one of them concerns that one alone.
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
  /** Called once per request with what became of it; the time is from its arrival, waiting included. */
  readonly observe: (result: Result, durationMs: number) => void;
  /** Whether its caller is asked to close the connection. */
  readonly isDraining: () => boolean;
}

interface Arrived {
  /** The text of the review. */
  readonly body: string;
  readonly reply: FastifyReply;
  readonly startMs: number;
}

interface Answered {
  readonly review: Review;
  readonly outcome: Outcome;
  readonly text: string;
}

/** What cannot be read as a review; Fastify's error handler says so. */
interface Unreadable {
  readonly error: unknown;
}

type Decision = Unreadable | Answered | Promise<Answered>;

/** Returns what takes in the body of a request and answers it: by the review's answer, or by an error of the reply. */
export function createReviews(edges: ReviewEdges): (body: string, reply: FastifyReply) => void {
  const { clock } = edges;
  const take = inMicroBatches<Arrived, Decision>(clock, {
    decide: ({ body }) => decide(body, edges),
    finish: (arrived, decision) => {
      if (decision instanceof Promise) void decision.then((answered) => finish(arrived, answered, edges));
      else if ('error' in decision) arrived.reply.send(decision.error);
      else finish(arrived, decision, edges);
    },
  });
  return (body, reply) => take({ body, reply, startMs: clock.monotonicMs() });
}

function decide(body: string, edges: ReviewEdges): Decision {
  try {
    return answerTo(readReview(body), edges);
  } catch (error) {
    return { error };
  }
}

/** Whatever goes wrong in us, to the last letter of the answer, must not keep a pod from starting. */
function answerTo(review: Review, edges: ReviewEdges): Answered | Promise<Answered> {
  const written = (outcome: Outcome): Answered => ({ review, outcome, text: answer(review.uid, outcome) });
  const failed = (error: unknown): Answered => {
    edges.log.error({ error, ...briefly(review) }, 'admission failed; the pod is allowed without injection');
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

/** What cannot be sent ends its connection: the caller sees that at once, and no other caller is concerned. */
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

/** What others wrote is shortened, so that no pod can fill the log. */
const LOGGED_MAX = 300;
const brief = (text: string): string =>
  text.length <= LOGGED_MAX ? text : `${text.slice(0, LOGGED_MAX)}...`;

const briefly = ({ namespace, name, uid }: Review) => ({
  namespace: brief(namespace),
  name: brief(name),
  uid,
});

function logOutcome(log: Log, review: Review, { result, warnings }: Outcome, durationMs: number): void {
  if (warnings.length === 0 && log.isLevelEnabled?.('debug') === false) return;
  const about = briefly(review);
  log.debug({ ...about, dryRun: review.dryRun, result, durationMs }, 'review answered');
  for (const warning of warnings) {
    const why = brief(describeReason(warning));
    log.warn({ ...about, reason: warning.code, why }, 'admission warning');
  }
}

/** Sends an answer past what Fastify does for answers that may be anything, which costs a tenth of a review. */
function send({ raw }: FastifyReply, text: string, isLast: boolean): void {
  const headers = { 'content-type': JSON_TYPE, 'content-length': Buffer.byteLength(text) };
  raw.writeHead(200, isLast ? { ...headers, connection: 'close' } : headers);
  raw.end(text);
}
