/**
 * Answers to requests that are no reviews, or cannot be read: a status, and one sentence for the sender.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import type { FastifyError, FastifyRequest } from 'fastify';
import { WEBHOOK_PATH } from '../../peers/names.ts';
import type { Log } from '../../runtime/log.ts';
import { ReviewError } from '../review/review.ts';
import { BODY_BYTES_MAX, HEADER_BYTES_MAX, HEADERS_MAX } from './limits.ts';

export const JSON_TYPE = 'application/json; charset=utf-8';

export interface Refusal {
  readonly status: number;
  readonly error: string;
  /** The methods that are allowed, for the header `allow`. */
  readonly allow?: string;
}

export const NOT_FOUND: Refusal = { status: 404, error: `Reviews are answered at ${WEBHOOK_PATH} only.` };

export const CROWDED: Refusal = {
  status: 429,
  error: 'Too many large reviews are being read; send this one again in a second.',
};

const SENTENCES: Readonly<Record<number, string>> = {
  408: 'The request was not sent in time.',
  413: `The body is larger than ${BODY_BYTES_MAX} bytes.`,
  415: 'The content type must be application/json.',
  431: `The headers are more than ${HEADERS_MAX}, or larger than ${HEADER_BYTES_MAX} bytes.`,
  500: 'The request could not be answered; see the log of stellar-peers.',
};

const sentenceOf = (status: number): string => SENTENCES[status] ?? 'The request cannot be read.';

/** The refusal for an error. Its sentence is our own, never the text of a library. */
export function refusalFor(error: FastifyError | ReviewError, log: Log): Refusal {
  const status = error.statusCode ?? 500;
  if (status >= 500) log.error({ error }, 'a request to the webhook failed');
  return { status, error: error instanceof ReviewError ? error.message : sentenceOf(status) };
}

export function refusalOfMethod({ method, url }: FastifyRequest): Refusal | undefined {
  if (method === 'POST' || url.split('?')[0] !== WEBHOOK_PATH) return undefined;
  return { status: 405, error: `Reviews are sent by POST, not by ${method}.`, allow: 'POST' };
}

/**
 * Reads a body that is too large to its end, and drops it: a caller that is still sending when we close would see a
 * broken connection in place of our answer. requestTimeout bounds how long that may take.
 */
export async function drained(body: IncomingMessage): Promise<void> {
  body.resume();
  await finished(body).catch(() => undefined);
}

const STATUSES: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
};

/** The status for an error of Node's HTTP parser. After another error, such as an unfinished handshake, no answer can be sent. */
const statusOf = (code: string): number | undefined =>
  STATUSES[code] ?? (code.startsWith('HPE_') ? 400 : undefined);

/** Answers input that is no HTTP, or too slow, on the socket, and closes the socket. False if no answer can be sent. */
export function refuseConnection({ code = '' }: NodeJS.ErrnoException, socket: Socket): boolean {
  const status = statusOf(code);
  if (!socket.writable || status === undefined) {
    socket.destroy();
    return false;
  }
  const body = JSON.stringify({ error: sentenceOf(status) });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${JSON_TYPE}`,
    `content-length: ${body.length}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
  return true;
}
