/** What a word that is not known may have meant. Pure. */
import { lettersOff } from './letters-off.ts';

/** The word that is at most two letters off, as a question; nothing where none is. */
export function didYouMean(word: string, known: readonly string[]): string {
  const best = known
    .map((each) => ({ each, off: lettersOff(word, each) }))
    .filter(({ off }) => off <= Math.min(2, word.length - 1))
    .sort((a, b) => a.off - b.off)[0];
  return best ? `; did you mean ${best.each}?` : '';
}
