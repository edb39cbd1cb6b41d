/** Work in steps, between which a process may do other things (runtime/slices.ts). Pure. */

/** Does all steps at once. */
export function atOnce<T>(steps: Iterator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
