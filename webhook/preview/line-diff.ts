/**
 * The difference of two texts, line by line and with some context, for people.
 */
import { diff } from 'node:util';

const CONTEXT_LINES = 3;

const MARKS = { 0: ' ', 1: '+', [-1]: '-' } as const;

/** Lines of `after` against `before`, `+` and `-` in front, `…` where equal lines are left out. */
export function lineDiff(before: string, after: string): string {
  const lines = diff(after.split('\n'), before.split('\n'));
  const isShown = lines.map((_, index) =>
    lines
      .slice(Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1)
      .some(([change]) => change !== 0),
  );
  return lines
    .flatMap(([change, text], index) => {
      if (isShown[index]) return [`${MARKS[change as 0]} ${text}`];
      return index === 0 || isShown[index - 1] ? ['  …'] : [];
    })
    .join('\n');
}
