/** Reads how the merge ended, from the termination message of its container: only known words are accepted. */
import type { Fields } from '../field.ts';
import { cutText, fieldsOf, listOf, numberOf, textOf, timeOf } from '../field.ts';
import { CONFIG_INIT_CONTAINER } from '../names.ts';
import { type Reason, reason } from '../reasons/reasons.ts';

const CODES = ['Merged', 'NoPeers', 'BothTaken', 'ConfigMissing', 'MergeFailed', 'PeersIgnored'] as const;
type MergeCode = (typeof CODES)[number] | 'MergeBlocked';

export interface MergeOutcome {
  readonly code: MergeCode;
  readonly detail: string;
}

const DETAIL_LENGTH_MAX = 120;

/** The outcome in a pod's status; undefined if there is no merge, or if it has not ended. */
export function mergeOutcomeOf(status: Fields): MergeOutcome | undefined {
  const { state: now, lastState } = mergerIn(status);
  const state = fieldsOf(now);
  const blocked = blockedBy(state, fieldsOf(lastState));
  if (blocked !== undefined) return { code: 'MergeBlocked', detail: detailOf(blocked) };
  const message = textOf(fieldsOf(state.terminated).message) ?? '';
  const [word, ...rest] = message.trim().split(' ');
  const code = CODES.find((known) => known === word);
  return code && { code, detail: detailOf(rest.join(' ')) };
}

/** When the merge that has ended was started, by the kubelet's clock. It runs again when the node starts anew. */
export const mergedAtOf = (status: Fields): number | undefined =>
  timeOf(fieldsOf(fieldsOf(mergerIn(status).state).terminated).startedAt);

const mergerIn = (status: Fields): Fields =>
  listOf(status.initContainerStatuses).find(({ name }) => name === CONFIG_INIT_CONTAINER) ?? {};

const detailOf = (text: string): string => cutText(text.replace(/[^ -~]/g, ''), DETAIL_LENGTH_MAX);

/** The kubelet's reasons while it retries a container that has failed. */
const FAILING: ReadonlySet<unknown> = new Set([
  'CrashLoopBackOff',
  'RunContainerError',
  'CreateContainerError',
]);

/** Why the container cannot finish, in the words of the kubelet or of its last run. */
function blockedBy(state: Fields, lastState: Fields): string | undefined {
  const waiting = fieldsOf(state.waiting);
  const ended = fieldsOf(state.terminated ?? lastState.terminated);
  const hasFailed = FAILING.has(waiting.reason) || (numberOf(fieldsOf(state.terminated).exitCode) ?? 0) !== 0;
  return hasFailed ? (textOf(ended.message) ?? textOf(waiting.message) ?? '') : undefined;
}

/** True if the merge found no peers in the mounted files. */
export const foundNoPeers = (outcome: MergeOutcome | undefined): boolean => outcome?.code === 'NoPeers';

/** True if the merge left stellar-core without a list. One that may drop the peers of its list still dials them. */
export const readsNoList = (outcome: MergeOutcome | undefined): boolean =>
  outcome?.code !== 'PeersIgnored' && mergeProblem(outcome) !== undefined;

/**
 * How many siblings the merge put in front of the configuration's own preferred peers; the rest of a longer list was
 * left out. An upper limit if the message does not count external peers separately. Undefined if all siblings are known
 * peers instead, or if nothing was merged.
 */
export function preferredSiblings(outcome: MergeOutcome | undefined): number | undefined {
  const [, all, siblings = all] =
    outcome?.detail.match(/^PREFERRED_PEERS (\d{1,3})(?:, siblings (\d{1,3}))?$/) ?? [];
  return siblings === undefined ? undefined : Number(siblings);
}

/** Why stellar-core does not use the peers; undefined if it does, or if there are none. */
export function mergeProblem(outcome: MergeOutcome | undefined): Reason | undefined {
  if (!outcome || outcome.code === 'Merged' || outcome.code === 'NoPeers') return undefined;
  return reason(outcome.code, outcome.detail === '' ? undefined : outcome.detail);
}
