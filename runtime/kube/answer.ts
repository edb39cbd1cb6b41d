/** What an answer of the API server says, checked: a proxy or a login page may answer in its place. Pure. */
import { type IncomingHttpHeaders, type IncomingMessage, STATUS_CODES } from 'node:http';
import { type Fields, fieldsOf, listOf, parseJson, textOf } from '../../peers/field.ts';
import { KubeError, type KubeObject } from './port.ts';
import type { Call } from './request.ts';

/** An answer that has come to its end, and from where. */
interface Whole {
  readonly incoming: Pick<IncomingMessage, 'statusCode' | 'headers'>;
  readonly text: string;
  readonly where: string;
}

/** What an answer says, and how long its text was. */
export interface KubeAnswer {
  readonly body: Fields;
  readonly length: number;
  /** The error for one that says something else than what was asked. Whether anything was done is then not known. */
  strange(found: string): KubeError;
}

/** The answer, if it grants what was asked for. Throws KubeError where it refuses, or is no answer of an API server. */
export function readAnswer(call: Call, whole: Whole): KubeAnswer {
  const { incoming, text, where } = whole;
  const { statusCode = 0 } = incoming;
  if (statusCode < 200 || statusCode >= 300) throw refusalOf(call, whole);
  const strange = (found: string) =>
    new KubeError(
      `${call.method} ${call.path}: what came as the answer (${where}) ${found}: check what stands between, as a proxy or a login page`,
      { status: 0 },
    );
  const body = parseJson(text);
  if (body === undefined) throw strange('is no JSON');
  if (body === null || fieldsOf(body) !== body) throw strange('is no JSON object');
  return { body: fieldsOf(body), length: text.length, strange };
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

/** The object that an answer is. Throws KubeError where it is none. */
export function objectIn(answer: KubeAnswer): KubeObject {
  if (!isObject(answer.body)) throw answer.strange('is no object');
  return answer.body;
}

/** A page of a list. */
interface Page {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  readonly continueToken: string;
}

/** The page that an answer is. Throws KubeError where it is none: nothing in place of objects is not the same as none. */
export function pageIn(answer: KubeAnswer): Page {
  const { items, metadata } = answer.body;
  const { resourceVersion, continue: continueToken } = fieldsOf(metadata);
  if (!Array.isArray(items) || !items.every(isObject) || typeof resourceVersion !== 'string') {
    throw answer.strange('is no list');
  }
  return { items, resourceVersion, continueToken: textOf(continueToken) ?? '' };
}

const isObject = (value: unknown): value is KubeObject => {
  const { metadata } = fieldsOf(value);
  return metadata !== undefined && fieldsOf(metadata) === metadata;
};

/** The form in which RFC 9110 has all senders write a date. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** The Date, ms since the epoch; NaN where there is none. */
export const dateMsOf = ({ date = '' }: IncomingHttpHeaders): number => httpDateMs(date);

const httpDateMs = (text: string): number => (HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN);

/** After how many seconds to ask again; undefined where that is not said, or nonsense. */
function retryAfterSecondsOf(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['retry-after'] ?? '';
  // A date is told by the clock of its sender.
  const seconds = /^\d+$/.test(text) ? Number(text) : (httpDateMs(text) - dateMsOf(headers)) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(seconds, 0);
}
