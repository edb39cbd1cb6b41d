/**
 * Notices a signal that comes before a replica can be stopped. As the first process of a container the program would
 * otherwise ignore such a SIGTERM, and be killed only after the whole grace period. Imported by main.ts before everything
 * else, so that signals count while the rest is loaded.
 */
import process from 'node:process';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
let isToStop = false;
const note = (): void => {
  isToStop = true;
};

// Other commands end as programs do: by the signal.
if (process.argv[2] === 'run') for (const signal of SIGNALS) process.on(signal, note);

/** From now on the caller listens; true where a signal has come already, so that nothing is to be started. */
export function handOverSignals(): boolean {
  for (const signal of SIGNALS) process.off(signal, note);
  return isToStop;
}
