/** The distance of two words, to find the word that a person meant. Pure. */
import { leastOf } from '../peers/lists.ts';

/** How many letters to add, remove or change to make one word from the other (Levenshtein). */
export function lettersOff(a: string, b: string): number {
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
