/** Runs work on many items, a few at a time. */

/** The most requests to the API server at a time. */
const AT_ONCE = 8;

/** Runs `work` for each item, for eight items at a time. Rejects as soon as one of them rejects. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
