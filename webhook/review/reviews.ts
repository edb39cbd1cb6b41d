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
import { answer, type ReviewAnswer } from './answer.ts';
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
  readonly sent: ReviewAnswer;
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
  const { namespace, name, uid } = review;
  const written = (outcome: Outcome): Answered => ({ review, outcome, sent: answer(uid, outcome) });
  const failed = (error: unknown): Answered => {
    const about = { namespace: brief(namespace), name: brief(name), uid };
    edges.log.error({ error, ...about }, 'admission failed; the pod is allowed without injection');
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
function finish({ reply, startMs }: Arrived, { review, outcome, sent }: Answered, edges: ReviewEdges): void {
  try {
    const durationMs = edges.clock.monotonicMs() - startMs;
    edges.observe(outcome.result, durationMs);
    logOutcome(edges.log, review, outcome, durationMs);
    reply.hijack();
    send(reply, sent, edges.isDraining());
  } catch (error) {
    edges.log.error({ error, uid: review.uid }, 'an answer could not be sent; its connection is closed');
    reply.raw.destroy();
  }
}

/** What others wrote is shortened, so that no pod can fill the log. */
const LOGGED_MAX = 300;
const brief = (text: string): string =>
  text.length <= LOGGED_MAX ? text : `${text.slice(0, LOGGED_MAX)}...`;

function logOutcome(log: Log, review: Review, { result, warnings }: Outcome, durationMs: number): void {
  if (warnings.length === 0 && log.isLevelEnabled?.('debug') === false) return;
  const { uid, dryRun } = review;
  const about = { uid, namespace: brief(review.namespace), name: brief(review.name) };
  log.debug({ ...about, dryRun, result, durationMs }, 'review answered');
  for (const warning of warnings) {
    const why = brief(describeReason(warning));
    log.warn({ ...about, reason: warning.code, why }, 'admission warning');
  }
}

/**
 * Sends an answer past what Fastify does for answers that may be anything: ours are two short pieces of ASCII, which go
 * out in one with the headers.
 */
function send({ raw }: FastifyReply, { head, tail }: ReviewAnswer, isLast: boolean): void {
  const headers = { 'content-type': JSON_TYPE, 'content-length': head.length + tail.length };
  raw.writeHead(200, isLast ? { ...headers, connection: 'close' } : headers);
  raw.cork();
  raw.write(head, 'latin1');
  raw.end(tail);
}
