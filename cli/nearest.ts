/** Suggests a known word for an unknown one. Pure. */
import { lettersOff } from './letters-off.ts';

/** A question with the known word that differs by at most two letters; empty if there is none. */
export function didYouMean(word: string, known: readonly string[]): string {
  const best = known
    .map((each) => ({ each, off: lettersOff(word, each) }))
    .filter(({ off }) => off <= Math.min(2, word.length - 1))
    .sort((a, b) => a.off - b.off)[0];
  return best ? `; did you mean ${best.each}?` : '';
}
