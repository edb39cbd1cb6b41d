/**
 * Something shown again and again while it changes: drawn over on a terminal, one block after the other on a pipe.
 */
import type { Clock } from '../runtime/clock.ts';
import { isPassing } from '../runtime/kube/port.ts';
import { errorText } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** How often the cluster is asked: what waits for time changes without any object changing. */
const EVERY_MS = 2_000;
/** Home, and everything below it cleared. */
const REDRAW = '\u001b[H\u001b[J';

interface Watched {
  readonly terminal: Terminal;
  readonly clock: Pick<Clock, 'sleep' | 'nowMs'>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Prints what `look` resolves with, whenever that is another text and on a terminal each time, below the time of the
 * look, until `signal` aborts. The first look must
 * succeed; later ones that fail in passing are shown once and tried again.
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
