/** The types of a check: the facts that it needs, what it checks, and the verdict that it returns. */
import type { FactSource, Facts } from './facts.ts';

/** `skipped`: the check could not decide; the sentence says why. */
type Verdict = 'ok' | 'warning' | 'problem' | 'skipped';

export interface CheckVerdict {
  readonly verdict: Verdict;
  readonly found: string;
  /** True for a problem that is normal while replicas start, because they remove it once they run. */
  readonly isNormalAtStart?: true;
}

export type Category = 'Cluster' | 'Installation' | 'Webhook' | 'Validators' | 'Network' | 'Restarts';

export interface Check {
  /** Never changes, because scripts refer to the check by its id. */
  readonly id: string;
  readonly category: Category;
  readonly title: string;
  readonly looks: string;
  /** What to do if the verdict is a warning or a problem. */
  readonly hint: string;
  /** `after`: the check is left out before the install (`--pre`). */
  readonly when?: 'after';
  /** The facts that the check needs. If one of them could not be read, the check is skipped and says why. */
  readonly needs: readonly FactSource[];
  evaluate(facts: Facts): CheckVerdict;
}

/** A check in the list of its category, which need not name the category again. */
export type CategoryCheck = Omit<Check, 'category'>;

/** The verdict of one check, with what is shown beside it. */
export interface Finding
  extends Pick<Check, 'id' | 'category' | 'title'>,
    Omit<CheckVerdict, 'isNormalAtStart'> {
  /** Absent if there is nothing to do. */
  readonly hint?: string;
}

export const ok = (found: string): CheckVerdict => ({ verdict: 'ok', found });
export const warning = (found: string): CheckVerdict => ({ verdict: 'warning', found });
export const problem = (found: string): CheckVerdict => ({ verdict: 'problem', found });
/** A problem that is normal while replicas start. */
export const notYet = (found: string): CheckVerdict => ({ ...problem(found), isNormalAtStart: true });
export const skipped = (found: string): CheckVerdict => ({ verdict: 'skipped', found });

const SHOWN_MAX = 5;

/** Names for a sentence: at most five, then how many more there are. */
export const some = (names: readonly string[]): string =>
  names.length <= SHOWN_MAX
    ? names.join(', ')
    : `${names.slice(0, SHOWN_MAX).join(', ')} and ${names.length - SHOWN_MAX} more`;

/** `1 validator`, `2 validators`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
