/**
 * Long work in slices: admission shares the process, and is answered between two of them.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/** How long one slice may take before others get their turn. */
const SLICE_MS = 8;

/** Runs `steps` to their end and resolves to what they return; others run whenever a slice's time is up. */
export async function inSlices<T>(clock: Clock, steps: Iterator<undefined, T>): Promise<T> {
  let beganAtMs = clock.monotonicMs();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (clock.monotonicMs() - beganAtMs < SLICE_MS) continue;
    await turn();
    beganAtMs = clock.monotonicMs();
  }
}
