/** The processor time of work. Unlike the time of the clock, processor time does not depend on other work of the machine. */

/** Runs `work`. Resolves to the result of `work`, and to the processor time that the process took, ms. */
export async function processorTimeOf<T>(
  work: () => T | Promise<T>,
): Promise<{ value: T; processorMs: number }> {
  const since = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(since);
  return { value, processorMs: (user + system) / 1000 };
}
