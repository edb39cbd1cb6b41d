/**
 * What the init container that merges the configuration says when it ends: one line in its termination message,
 * which stands in the pod's status. The text comes from a container, so only what is known is taken from it.
 */
import type { Fields } from './field.ts';
import { fieldsOf, listOf, textOf } from './field.ts';
import { CONFIG_INIT_CONTAINER } from './names.ts';
import { type Reason, reason } from './reasons.ts';

const CODES = ['Merged', 'NoPeers', 'BothTaken', 'ConfigMissing', 'MergeFailed'] as const;
type MergeCode = (typeof CODES)[number];

export interface MergeOutcome {
  readonly code: MergeCode;
  readonly detail: string;
}

const DETAIL_LENGTH_MAX = 120;

/** The outcome in a pod's status; undefined where nothing was merged, or not yet. */
export function mergeOutcomeOf(status: Fields): MergeOutcome | undefined {
  const found = listOf(status.initContainerStatuses).find(({ name }) => name === CONFIG_INIT_CONTAINER);
  const message = textOf(fieldsOf(fieldsOf(found?.state).terminated).message) ?? '';
  const [word, ...rest] = message.trim().split(' ');
  const code = CODES.find((known) => known === word);
  const detail = rest
    .join(' ')
    .replace(/[^ -~]/g, '')
    .slice(0, DETAIL_LENGTH_MAX);
  return code && { code, detail };
}

/** Why the main container runs with its original configuration; undefined where it does not, or should. */
export function mergeProblem(outcome: MergeOutcome | undefined): Reason | undefined {
  if (!outcome || outcome.code === 'Merged' || outcome.code === 'NoPeers') return undefined;
  return reason(outcome.code, outcome.detail === '' ? undefined : outcome.detail);
}
