// @ts-check
/** Prints the lines of setup; durations as text; the error of a failure. */

/** A failure that is reported by one sentence, without a stack. */
export class SetupError extends Error {}

/** @param {string} line */
export const say = (line) => void process.stdout.write(`setup: ${line}\n`);

/** @param {number} ms */
export function duration(ms) {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

const BEAT_MS = 20_000;

/** Says `line()` every 20 s, until the function that it returns is called. @param {() => string} line */
export function keepSaying(line) {
  const timer = setInterval(() => say(line()), BEAT_MS);
  return () => clearInterval(timer);
}
