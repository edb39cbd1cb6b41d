/**
 * Answers that are worked out once. Nothing here is state: whatever is forgotten is worked out again.
 */

/**
 * `answer`, which remembers what it said of the last few thousand texts: at least `kept` of them and at most twice
 * as many, so that texts that are asked for again and again stay and all others go.
 */
export function memoised<V>(answer: (text: string) => V, kept: number): (text: string) => V {
  let young = new Map<string, V>();
  let old = new Map<string, V>();
  return (text) => {
    const known = young.get(text);
    if (known !== undefined) return known;
    const found = old.get(text) ?? answer(text);
    if (young.size >= kept) {
      old = young;
      young = new Map();
    }
    young.set(text, found);
    return found;
  };
}

/** What `make` makes when it is first asked for. */
export function madeOnce<V extends object>(make: () => V): () => V {
  let made: V | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Each object of a cluster of our size has a key and a UID, which others name. */
const TEXTS_KEPT = 32_768;

/**
 * The very same text for all that say the same: two texts are otherwise compared letter by letter, each time a key is
 * looked up, and are both kept.
 */
export const oneText: (text: string) => string = memoised((text) => text, TEXTS_KEPT);
