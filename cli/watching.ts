/** Shows a text repeatedly while it changes: in place on a terminal, otherwise one block after the other. */
import type { Clock } from '../runtime/clock.ts';
import { isPassing } from '../runtime/kube/port.ts';
import { errorText } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** How often the cluster is asked. Watches would not be enough, because some waits end without any change. */
const EVERY_MS = 2_000;
/** Moves the cursor home and clears everything below. */
const REDRAW = '\u001b[H\u001b[J';

interface Watched {
  readonly terminal: Terminal;
  readonly clock: Pick<Clock, 'sleep' | 'nowMs'>;
  /** Ends the watching. */
  readonly signal: AbortSignal;
}

/**
 * Prints the text of each `look` until `signal` aborts: on a terminal each time with the time of day, otherwise only a
 * changed text. The first look must succeed. If a later one fails, the error is printed once and the look is repeated.
 */
export async function watchText(
  look: () => Promise<string>,
  { terminal, clock, signal }: Watched,
): Promise<void> {
  let shown = await look();
  let lastError: string | undefined;
  const drawn = (text: string): string =>
    `${REDRAW}${new Date(clock.nowMs()).toISOString().slice(0, 19)}Z\n\n${text}`;
  terminal.print(terminal.isLive ? drawn(shown) : shown);
  for (;;) {
    await clock.sleep(EVERY_MS, signal);
    if (signal.aborted) return;
    const found = await look().catch((error: unknown) => {
      if (!isPassing(error)) throw error;
      if (lastError === undefined) terminal.say(errorText(error));
      lastError = errorText(error);
      return undefined;
    });
    if (found === undefined) continue;
    lastError = undefined;
    if (terminal.isLive) terminal.print(drawn(found));
    else if (found !== shown) terminal.print(`\n${found}`);
    shown = found;
  }
}
