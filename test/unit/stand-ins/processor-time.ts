/** What work costs, by the processor's time: unlike the clock's it does not depend on what else the machine does. */

/** Runs `work`; resolves to what it resolves to, and to the milliseconds of the processor that the process took for it. */
export async function processorTimeOf<T>(
  work: () => T | Promise<T>,
): Promise<{ value: T; processorMs: number }> {
  const since = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(since);
  return { value, processorMs: (user + system) / 1000 };
}
