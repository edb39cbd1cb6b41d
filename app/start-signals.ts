/**
 * Remembers a signal that arrives while the program starts. Without a handler the first process of a container ignores
 * SIGTERM, and Kubernetes kills it only after the whole grace period. So main.ts imports this file before all others.
 */
import process from 'node:process';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
let hasSignalled = false;
const note = (): void => {
  hasSignalled = true;
};

// Other commands keep Node's default: a signal ends them at once.
if (process.argv[2] === 'run') for (const signal of SIGNALS) process.on(signal, note);

/** Stops listening, because the caller listens from now on. True if a signal has arrived, so nothing should be started. */
export function handOverSignals(): boolean {
  for (const signal of SIGNALS) process.off(signal, note);
  return hasSignalled;
}
