/**
 * AdmissionReview v1 out: the answer, in bytes. What stands before and in the uid is made for each review; what stands
 * behind it is the same for all pods that get the same patch, and is made once.
 */
import { REASONS, type Reason } from '../../peers/reasons/reasons.ts';
import { encodePatch, type PatchOperation } from '../patch/encode.ts';
import { API_VERSION, KIND } from './review.ts';

/** JSON in two pieces, all of it ASCII. */
export interface ReviewAnswer {
  readonly head: string;
  readonly tail: Buffer;
}

export interface Answerable {
  readonly operations: readonly PatchOperation[];
  readonly warnings: readonly Reason[];
}

const HEAD = `{"apiVersion":"${API_VERSION}","kind":"${KIND}","response":{"allowed":true,"uid":`;

/** The answer to the review of that uid: always allowed, with the patch and the warnings if there are any. */
export const answer = (uid: string, outcome: Answerable): ReviewAnswer => ({
  head: HEAD + quoted(uid),
  tail: tailOf(outcome),
});

/** Of all that the API server sends: nothing in it needs to be escaped. */
const PLAIN = /^[\w-]+$/;
const quoted = (uid: string): string => (PLAIN.test(uid) ? `"${uid}"` : asciiOf(JSON.stringify(uid)));

const asciiOf = (json: string): string =>
  json.replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Kubernetes recommends at most 120 characters a warning, and truncates all of them beyond 4096. */
const WARNING_LENGTH_MAX = 120;
const WARNINGS_MAX = 16;

/** A reason as an admission warning: one line, short enough to be shown whole. */
function warningOf({ code, detail }: Reason): string {
  const text = `stellar-peers: ${code}: ${detail ?? REASONS[code].sentence}`.replace(/[^\x20-\x7e]+/g, ' ');
  return text.length <= WARNING_LENGTH_MAX ? text : `${text.slice(0, WARNING_LENGTH_MAX - 3)}...`;
}

const NOTHING = Buffer.from('}}', 'latin1');

/** There are as many patches as validators and kinds of pods; the last that were asked for stand first. */
const TAILS_KEPT = 16;
/** A pod may carry megabytes that go into its patch: such a one is not kept. */
const TAIL_LENGTH_MAX = 64 * 1024;

const tails: Array<{ readonly operations: readonly PatchOperation[]; readonly tail: Buffer }> = [];

function tailOf({ operations, warnings }: Answerable): Buffer {
  if (warnings.length > 0) return makeTail(operations, warnings);
  if (operations.length === 0) return NOTHING;
  // One that is made anew each time is found in none.
  const index = tails.findIndex((known) => isSameList(known.operations, operations));
  const found = tails[index]?.tail;
  if (found && index > 0) tails.unshift(...tails.splice(index, 1));
  return found ?? keepTail(operations);
}

function keepTail(operations: readonly PatchOperation[]): Buffer {
  const tail = makeTail(operations, []);
  if (tail.length <= TAIL_LENGTH_MAX) {
    tails.unshift({ operations, tail });
    tails.splice(TAILS_KEPT);
  }
  return tail;
}

function makeTail(operations: readonly PatchOperation[], warnings: readonly Reason[]): Buffer {
  const patch = operations.length > 0 ? `,"patchType":"JSONPatch","patch":"${encodePatch(operations)}"` : '';
  const shown = warnings.slice(0, WARNINGS_MAX).map(warningOf);
  const told = shown.length > 0 ? `,"warnings":${JSON.stringify(shown)}` : '';
  return Buffer.from(`${patch}${told}}}`, 'latin1');
}

/** True where both hold the very same values in the same order. */
const isSameList = <V>(a: readonly V[], b: readonly V[]): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);
