/**
 * Work that is done in steps, between which whoever drives it may let others run.
 */

/** Takes all steps at once, where nobody waits in between. */
export function allSteps<T>(steps: Iterator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
