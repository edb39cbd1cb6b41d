/**
 * Writes the AdmissionReview v1 of an answer. It always allows the pod, with the patch and the warnings if there are any.
 */
import { REASONS, type Reason } from '../../peers/reasons/reasons.ts';
import type { Outcome } from './admit.ts';
import { API_VERSION, KIND } from './review.ts';

/** The answer to the review with this uid, as JSON. */
export function answer(
  uid: string,
  { operations, warnings }: Pick<Outcome, 'operations' | 'warnings'>,
): string {
  const encoded = () => Buffer.from(JSON.stringify(operations)).toString('base64');
  const patch = operations.length > 0 ? { patchType: 'JSONPatch', patch: encoded() } : {};
  const shown = warnings.slice(0, WARNINGS_MAX).map(warningOf);
  const response = { uid, allowed: true, ...patch, ...(shown.length > 0 ? { warnings: shown } : {}) };
  return JSON.stringify({ apiVersion: API_VERSION, kind: KIND, response });
}

/** Kubernetes recommends at most 120 characters a warning, and truncates all of them beyond 4096. */
const WARNING_LENGTH_MAX = 120;
const WARNINGS_MAX = 16;

/** A reason as an admission warning: one line, short enough to be shown whole. */
function warningOf({ code, detail }: Reason): string {
  const text = `stellar-peers: ${code}: ${detail ?? REASONS[code].sentence}`.replace(/[^\x20-\x7e]+/g, ' ');
  return text.length <= WARNING_LENGTH_MAX ? text : `${text.slice(0, WARNING_LENGTH_MAX - 3)}...`;
}
