/**
 * What is asked of lists of any length. More than some 100,000 as the arguments of one call throw, and the lengths of
 * many lists are decided by tenants.
 */

/** The least of those that are known; Infinity where none is. */
export function leastOf(numbers: Iterable<number | undefined>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const number of numbers) if (number !== undefined && number < least) least = number;
  return least;
}

/** The greatest; `floor` where none is greater. */
export function greatestOf(numbers: Iterable<number>, floor = Number.NEGATIVE_INFINITY): number {
  let greatest = floor;
  for (const number of numbers) if (number > greatest) greatest = number;
  return greatest;
}

/** Appends all items to a list. */
export function pushAll<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}
