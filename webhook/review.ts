/**
 * AdmissionReview v1 in and out: its shape is checked here, and answers are made here.
 */
import { type Fields, fieldsOf, textOf } from '../peers/field.ts';
import { REASONS, type Reason } from '../peers/reasons.ts';
import { encodePatch, type PatchOperation } from './encode.ts';

const API_VERSION = 'admission.k8s.io/v1';
const KIND = 'AdmissionReview';

/** What we read of an admission request. */
export interface Review {
  readonly uid: string;
  /** True for the creation of a pod itself, not of a subresource. */
  readonly isPodCreate: boolean;
  /** Of the request: at CREATE the pod's own metadata may not have it yet. */
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
  /** Of its text: what it takes in memory while it waits. */
  readonly length: number;
  readonly pod: Fields;
}

/** A request that is no review we can answer; the message is one sentence for whoever sent it. */
export class ReviewError extends Error {
  override readonly name = 'ReviewError';
  /** HTTP status to answer with. */
  readonly statusCode = 400;
}

const SHOWN_MAX = 80;

/** Text alone is shown: anything else may be nested as deep as a body is long. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, SHOWN_MAX)) : 'that is no text';
}

/** The API server's have 36 characters; the answer repeats it. */
const UID_LENGTH_MAX = 128;

/** The review in a request's body. Throws ReviewError where it is not one of version v1 with a uid. */
export function readReview(text: string): Review {
  const body = parse(text);
  if (body.kind !== KIND || body.apiVersion !== API_VERSION) {
    throw new ReviewError(
      `Expected an ${KIND} of ${API_VERSION}, found kind ${shown(body.kind)} of apiVersion ${shown(body.apiVersion)}.`,
    );
  }
  const request = fieldsOf(body.request);
  const uid = textOf(request.uid);
  if (!uid) throw new ReviewError(`The ${KIND} has no request.uid, so it cannot be answered.`);
  if (uid.length > UID_LENGTH_MAX) {
    throw new ReviewError(`The request.uid is longer than ${UID_LENGTH_MAX} characters.`);
  }
  const pod = fieldsOf(request.object);
  const metadata = fieldsOf(pod.metadata);
  return {
    uid,
    isPodCreate: isPodCreate(request),
    namespace: textOf(request.namespace) || textOf(metadata.namespace) || '',
    name: textOf(request.name) || textOf(metadata.name) || '',
    dryRun: request.dryRun === true,
    length: text.length,
    pod,
  };
}

function parse(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text));
  } catch (cause) {
    throw new ReviewError('The body is not JSON.', { cause });
  }
}

function isPodCreate(request: Fields): boolean {
  const { group, kind } = fieldsOf(request.kind);
  return request.operation === 'CREATE' && !request.subResource && kind === 'Pod' && !group;
}

/** Kubernetes recommends at most 120 characters a warning, and truncates all of them beyond 4096. */
const WARNING_LENGTH_MAX = 120;
const WARNINGS_MAX = 16;

/** A reason as an admission warning: one line, short enough to be shown whole. */
function warningOf({ code, detail }: Reason): string {
  const text = `stellar-peers: ${code}: ${detail ?? REASONS[code].sentence}`.replace(/[^\x20-\x7e]+/g, ' ');
  return text.length <= WARNING_LENGTH_MAX ? text : `${text.slice(0, WARNING_LENGTH_MAX - 3)}...`;
}

const asciiOf = (json: string): string =>
  json.replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const HEAD = `{"apiVersion":"${API_VERSION}","kind":"${KIND}","response":{"uid":`;

/**
 * The answer to the review of that uid as JSON: always allowed, with the patch and the warnings if there are any. It is
 * put together as text, since most of it is the same in every answer, and all of it is ASCII.
 */
export function answer(
  uid: string,
  { operations, warnings }: { operations: readonly PatchOperation[]; warnings: readonly Reason[] },
): string {
  const patch = operations.length > 0 ? `,"patchType":"JSONPatch","patch":"${encodePatch(operations)}"` : '';
  const shown = warnings.slice(0, WARNINGS_MAX).map(warningOf);
  const told = shown.length > 0 ? `,"warnings":${JSON.stringify(shown)}` : '';
  return `${HEAD}${asciiOf(JSON.stringify(uid))},"allowed":true${patch}${told}}}`;
}
