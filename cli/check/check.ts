/**
 * What a check is: what it looks at, what it needs to have read, and the verdict that it comes to.
 */
import type { Facts, Source } from './facts.ts';

/** `skipped`: nothing can be said, and why. */
type Mark = 'ok' | 'warning' | 'problem' | 'skipped';

/** What a check came to, in a sentence. */
export interface Verdict {
  readonly verdict: Mark;
  readonly found: string;
}

export const CATEGORIES = [
  'Cluster',
  'Installation',
  'Webhook',
  'Validators',
  'Network',
  'Restarts',
] as const;
type Category = (typeof CATEGORIES)[number];

export interface Check {
  /** Stable: scripts know it by this. */
  readonly id: string;
  readonly category: Category;
  readonly title: string;
  /** What it looks at, for the docs. */
  readonly looks: string;
  /** What to do where it does not say ok. */
  readonly hint: string;
  /** Whether it is made before the install (`--pre`), after it, or both. */
  readonly when: 'before' | 'after' | 'both';
  /** What must have been read: where it was not, the check is skipped and says why. */
  readonly needs: readonly Source[];
  judge(facts: Facts): Verdict;
}

/** A check that was made. */
export interface Finding extends Verdict {
  readonly id: string;
  readonly category: Category;
  readonly title: string;
  /** Absent where nothing is to be done. */
  readonly hint?: string;
}

export const ok = (found: string): Verdict => ({ verdict: 'ok', found });
export const warning = (found: string): Verdict => ({ verdict: 'warning', found });
export const problem = (found: string): Verdict => ({ verdict: 'problem', found });
export const skipped = (found: string): Verdict => ({ verdict: 'skipped', found });

const SHOWN_MAX = 5;

/** Names in a sentence: the first five, and how many more. */
export const some = (names: readonly string[]): string =>
  names.length <= SHOWN_MAX
    ? names.join(', ')
    : `${names.slice(0, SHOWN_MAX).join(', ')} and ${names.length - SHOWN_MAX} more`;

/** `1 validator`, `2 validators`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
