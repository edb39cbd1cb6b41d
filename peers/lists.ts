/** Functions for lists of any length: 100,000 items as the arguments of one call would throw. */

/** The least of the numbers that are known; Infinity if there is none. */
export function leastOf(numbers: Iterable<number | undefined>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const number of numbers) if (number !== undefined && number < least) least = number;
  return least;
}

/** The greatest number; `floor` if none is greater. */
export function greatestOf(numbers: Iterable<number>, floor = Number.NEGATIVE_INFINITY): number {
  let greatest = floor;
  for (const number of numbers) if (number > greatest) greatest = number;
  return greatest;
}

/** Appends all items to a list. */
export function pushAll<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}

/** The first three items for which `isWanted` is true, which is enough to show. */
export function firstThree<T>(items: Iterable<T>, isWanted: (item: T) => boolean): T[] {
  const first: T[] = [];
  for (const item of items) {
    if (first.length === 3) break;
    if (isWanted(item)) first.push(item);
  }
  return first;
}

/** The first item of each namespace, then the second of each, and so on: none waits for all items of another. */
export function inTurn<T>(items: Iterable<T>, namespaceOf: (item: T) => string): T[] {
  const ranked = [...Map.groupBy(items, namespaceOf).values()].flatMap((own) =>
    own.map((item, rank) => ({ item, rank })),
  );
  return ranked.sort((a, b) => a.rank - b.rank).map(({ item }) => item);
}
