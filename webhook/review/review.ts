/**
 * Reads an AdmissionReview v1 and checks its shape.
 */
import { type Fields, fieldsOf, textOf } from '../../peers/field.ts';
import { withoutManagedFields } from '../../peers/read/managed-fields.ts';

export const API_VERSION = 'admission.k8s.io/v1';
export const KIND = 'AdmissionReview';

export interface Review {
  readonly uid: string;
  /** True for the creation of a pod itself, not of a subresource. */
  readonly isPodCreate: boolean;
  /** The namespace of the request. At CREATE the pod's own metadata may not have one yet. */
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
  /** The length of the review's text, in characters: a measure of its memory while it waits. */
  readonly length: number;
  readonly pod: Fields;
}

/** The request is not a review that can be answered. The message is one sentence for the sender. */
export class ReviewError extends Error {
  override readonly name = 'ReviewError';
  /** HTTP status to answer with. */
  readonly statusCode = 400;
}

const SHOWN_MAX = 80;

/** A value for an error message. Only strings are shown, because other values may be nested very deeply. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, SHOWN_MAX)) : '(not a string)';
}

/** UIDs of the API server have 36 characters. The answer repeats the UID, so its length is limited. */
const UID_LENGTH_MAX = 128;

/** Reads the review in a request's body. Throws ReviewError if it is not a review of version v1 with a uid. */
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
    return fieldsOf(JSON.parse(withoutManagedFields(text)));
  } catch (cause) {
    throw new ReviewError('The body is not JSON.', { cause });
  }
}

function isPodCreate(request: Fields): boolean {
  const { group, kind } = fieldsOf(request.kind);
  return request.operation === 'CREATE' && !request.subResource && kind === 'Pod' && !group;
}
