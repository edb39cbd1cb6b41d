/** What a word that is not known may have meant. Pure. */
import { leastOf } from '../peers/lists.ts';

/** The word that is at most two letters off, as a question; nothing where none is. */
export function didYouMean(word: string, known: readonly string[]): string {
  const best = known
    .map((each) => ({ each, off: distance(word, each) }))
    .filter(({ off }) => off <= Math.min(2, word.length - 1))
    .sort((a, b) => a.off - b.off)[0];
  return best ? `; did you mean ${best.each}?` : '';
}

/** How many letters are to be added, left out or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...a].entries()) {
    const next = [index + 1];
    for (let at = 0; at < b.length; at += 1) {
      const changed = (row[at] ?? 0) + (letter === b[at] ? 0 : 1);
      next.push(leastOf([changed, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1]));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
