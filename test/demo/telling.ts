/**
 * The output of the demo: steps with headings, indented lines, and progress during waits. Colours only on a terminal.
 */
import process from 'node:process';

const colourful = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code: number, text: string): string => (colourful ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = (text: string): string => paint(1, text);
export const green = (text: string): string => paint(32, text);
export const red = (text: string): string => paint(31, text);
const dim = (text: string): string => paint(2, text);

let stepNumber = 0;

/** Prints one line, or several. */
export const say = (text = ''): void => void process.stdout.write(`${text}\n`);

/** Opens the next numbered step. */
export function step(title: string): void {
  stepNumber += 1;
  say(`\n${bold(`${stepNumber}. ${title}`)}`);
}

/** Shows text of others (a table, a file), indented. */
export const show = (text: string): void => say(text.trimEnd().replace(/^/gm, '   '));

/** Prints what is awaited, again every five seconds, until the promise settles. */
export async function awaiting<T>(what: string, promise: Promise<T>): Promise<T> {
  const startMs = performance.now();
  say(dim(`   … ${what}`));
  const timer = setInterval(() => {
    say(dim(`   … ${what} (${Math.round((performance.now() - startMs) / 1000)} s)`));
  }, 5_000);
  return promise.finally(() => clearInterval(timer));
}
