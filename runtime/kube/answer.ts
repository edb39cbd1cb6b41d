/** Reads answers of the API server and checks their form: a proxy or a login page may answer in its place. Pure. */
import { type IncomingHttpHeaders, type IncomingMessage, STATUS_CODES } from 'node:http';
import { type Fields, fieldsOf, listOf, parseJson, textOf } from '../../peers/field.ts';
import { KubeError, type KubeObject } from './port.ts';
import type { Call } from './request.ts';

/** A complete answer, and the server that sent it. */
interface Whole {
  readonly incoming: Pick<IncomingMessage, 'statusCode' | 'headers'>;
  readonly text: string;
  readonly where: string;
}

/** The content of an answer, and the length of its text. */
export interface KubeAnswer {
  readonly body: Fields;
  readonly length: number;
  /** The error for an answer of another form than requested. It is then unknown whether the request was carried out. */
  unexpected(found: string): KubeError;
}

/** Reads the answer to a granted request. Throws KubeError if the request was refused, or if no API server answered. */
export function readAnswer(call: Call, whole: Whole): KubeAnswer {
  const { incoming, text, where } = whole;
  const { statusCode = 0 } = incoming;
  if (statusCode < 200 || statusCode >= 300) throw refusalOf(call, whole);
  const unexpected = (found: string) =>
    new KubeError(
      `${call.method} ${call.path}: the answer (${where}) ${found}: check whether a proxy or a login page answers`,
      { status: 0 },
    );
  const body = parseJson(text);
  if (body === undefined) throw unexpected('is no JSON');
  if (body === null || fieldsOf(body) !== body) throw unexpected('is no JSON object');
  return { body: fieldsOf(body), length: text.length, unexpected };
}

function refusalOf({ method, path }: Call, { incoming, text, where }: Whole): KubeError {
  const { statusCode = 0, headers } = incoming;
  const status = fieldsOf(parseJson(text));
  const plain = text.startsWith('<') ? '' : text.slice(0, 200);
  const message = textOf(status.message) ?? (plain || (STATUS_CODES[statusCode] ?? 'empty answer'));
  const hint = statusCode === 401 ? `; log in again, or check the user of the kubeconfig (${where})` : '';
  return new KubeError(`${method} ${path}: ${statusCode} ${message}${hint}`, {
    status: statusCode,
    reason: textOf(status.reason) ?? '',
    causes: listOf(fieldsOf(status.details).causes).map((cause) => textOf(cause.reason) ?? ''),
    retryAfterSeconds: retryAfterSecondsOf(headers),
    continueToken: textOf(fieldsOf(status.metadata).continue),
  });
}

/** The object in an answer. Throws KubeError if the answer is not an object. */
export function objectIn(answer: KubeAnswer): KubeObject {
  if (!isObject(answer.body)) throw answer.unexpected('is no object');
  return answer.body;
}

interface Page {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  readonly continueToken: string;
}

/** The page in an answer. Throws KubeError if the answer is not a list, because that is not the same as an empty list. */
export function pageIn(answer: KubeAnswer): Page {
  const { items, metadata } = answer.body;
  const { resourceVersion, continue: continueToken } = fieldsOf(metadata);
  if (!Array.isArray(items) || !items.every(isObject) || typeof resourceVersion !== 'string') {
    throw answer.unexpected('is no list');
  }
  return { items, resourceVersion, continueToken: textOf(continueToken) ?? '' };
}

const isObject = (value: unknown): value is KubeObject => {
  const { metadata } = fieldsOf(value);
  return metadata !== undefined && fieldsOf(metadata) === metadata;
};

/** The form in which all senders must write a date (RFC 9110). */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** The header Date, in ms since the epoch; NaN if there is none. */
export const dateMsOf = ({ date = '' }: IncomingHttpHeaders): number => httpDateMs(date);

const httpDateMs = (text: string): number => (HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN);

function retryAfterSecondsOf(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['retry-after'] ?? '';
  // A date in Retry-After is by the sender's clock, as is the header Date.
  const seconds = /^\d+$/.test(text) ? Number(text) : (httpDateMs(text) - dateMsOf(headers)) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(seconds, 0);
}
