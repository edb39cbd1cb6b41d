/** Work on many things, a few at a time. */

/** So many requests to the API server are under way at a time. */
const AT_ONCE = 8;

/** Does `work` on each item, on eight at a time. Rejects as soon as one rejects. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
