/**
 * What a check is: what it looks at, what it needs to have read, and the verdict that it comes to.
 */
import type { FactSource, Facts } from './facts.ts';

/** `skipped`: nothing can be said, and why. */
type Mark = 'ok' | 'warning' | 'problem' | 'skipped';

export interface CheckVerdict {
  readonly verdict: Mark;
  readonly found: string;
  /** True for a problem that replicas remove once they run: while they start, it is only to be waited for. */
  readonly endsWithStart?: true;
}

export type Category = 'Cluster' | 'Installation' | 'Webhook' | 'Validators' | 'Network' | 'Restarts';

export interface Check {
  /** Stable: scripts know it by this. */
  readonly id: string;
  readonly category: Category;
  readonly title: string;
  /** What it looks at, for the docs. */
  readonly looks: string;
  /** What to do where it does not say ok. */
  readonly hint: string;
  /** Absent for one that is made before the install (`--pre`) too. */
  readonly when?: 'after';
  /** What must have been read: where it was not, the check is skipped and says why. */
  readonly needs: readonly FactSource[];
  evaluate(facts: Facts): CheckVerdict;
}

/** A check as the list of its category has it. */
export type CategoryCheck = Omit<Check, 'category'>;

export interface Finding
  extends Pick<Check, 'id' | 'category' | 'title'>,
    Omit<CheckVerdict, 'endsWithStart'> {
  /** Absent where nothing is to be done. */
  readonly hint?: string;
}

export const ok = (found: string): CheckVerdict => ({ verdict: 'ok', found });
export const warning = (found: string): CheckVerdict => ({ verdict: 'warning', found });
export const problem = (found: string): CheckVerdict => ({ verdict: 'problem', found });
export const notYet = (found: string): CheckVerdict => ({ ...problem(found), endsWithStart: true });
export const skipped = (found: string): CheckVerdict => ({ verdict: 'skipped', found });

const SHOWN_MAX = 5;

/** Names in a sentence: the first five, and how many more. */
export const some = (names: readonly string[]): string =>
  names.length <= SHOWN_MAX
    ? names.join(', ')
    : `${names.slice(0, SHOWN_MAX).join(', ')} and ${names.length - SHOWN_MAX} more`;

/** `1 validator`, `2 validators`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
