/**
 * The result of a benchmark, and its form in results/<name>.json. Ratios within one run can be compared between machines;
 * figures only describe the run.
 */

export interface Result {
  readonly name: string;
  readonly machine: string;
  readonly ratios: Readonly<Record<string, Ratio>>;
  readonly figures: Readonly<Record<string, number | string>>;
}

export interface Ratio {
  readonly value: number;
  readonly better: 'higher' | 'lower';
}

export type Verdict = 'better' | 'same' | 'worse';

/** Ratios that differ by less are the same, because runs on one machine differ as much. */
const SAME_WITHIN = 0.1;

/** How the ratio `now` compares with the ratio `before`. */
export function verdictOn(now: Ratio, before: Ratio): Verdict {
  const change = now.value / before.value - 1;
  if (Math.abs(change) <= SAME_WITHIN) return 'same';
  return change > 0 === (now.better === 'higher') ? 'better' : 'worse';
}

export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));
