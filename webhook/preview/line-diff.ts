/**
 * Two texts → the lines that differ, with some context: for people to read.
 */

const CONTEXT_LINES = 3;

interface Line {
  readonly mark: ' ' | '+' | '-';
  readonly text: string;
}

/** Lines of `after` against `before`, `+` and `-` in front, `…` where equal lines are left out. */
export function lineDiff(before: string, after: string): string {
  const lines = compare(before.split('\n'), after.split('\n'));
  const isShown = lines.map((_, index) =>
    lines
      .slice(Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1)
      .some(({ mark }) => mark !== ' '),
  );
  return lines
    .flatMap(({ mark, text }, index) => {
      if (isShown[index]) return [`${mark} ${text}`];
      return index === 0 || isShown[index - 1] ? ['  …'] : [];
    })
    .join('\n');
}

/** By longest common subsequence, over what is left when the equal ends are cut off. */
function compare(before: readonly string[], after: readonly string[]): Line[] {
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const same = (text: string): Line => ({ mark: ' ', text });
  return [
    ...before.slice(0, head).map(same),
    ...walk(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function walk(before: readonly string[], after: readonly string[]): Line[] {
  const lengths = commonLengths(before, after);
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && before[i] === after[j]) {
      lines.push({ mark: ' ', text: before[i] ?? '' });
      i += 1;
      j += 1;
    } else if (j < after.length && (i === before.length || at(i, j + 1) >= at(i + 1, j))) {
      lines.push({ mark: '+', text: after[j] ?? '' });
      j += 1;
    } else {
      lines.push({ mark: '-', text: before[i] ?? '' });
      i += 1;
    }
  }
  return lines;
}

/** Length of the longest common subsequence of before[i…] and after[j…], for all i and j. */
function commonLengths(before: readonly string[], after: readonly string[]): number[][] {
  const lengths = Array.from({ length: before.length + 1 }, () =>
    new Array<number>(after.length + 1).fill(0),
  );
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const row = lengths[i] ?? [];
      const below = lengths[i + 1] ?? [];
      row[j] = before[i] === after[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return lengths;
}
