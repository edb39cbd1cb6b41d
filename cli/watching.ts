/**
 * Something shown again and again while it changes: drawn over on a terminal, one block after the other on a pipe.
 */
import type { Clock } from '../runtime/clock.ts';
import { isPassing } from '../runtime/kube.ts';
import { complaintOf } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** How often the cluster is asked: what waits for time changes without any object changing. */
const EVERY_MS = 2_000;
/** Home, and everything below it cleared. */
const REDRAW = '\u001b[H\u001b[J';

interface Watched {
  readonly terminal: Terminal;
  readonly clock: Pick<Clock, 'sleep'>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Prints what `look` resolves with, whenever that is another text, until `signal` aborts. The first look must
 * succeed; later ones that fail in passing are told once and tried again.
 */
export async function watchText(
  look: () => Promise<string>,
  { terminal, clock, signal }: Watched,
): Promise<void> {
  let shown = await look();
  let complaint: string | undefined;
  terminal.print(terminal.isLive ? `${REDRAW}${shown}` : shown);
  for (;;) {
    await clock.sleep(EVERY_MS, signal);
    if (signal.aborted) return;
    const found = await look().catch((error: unknown) => {
      if (!isPassing(error)) throw error;
      if (complaint === undefined) terminal.say(complaintOf(error));
      complaint = complaintOf(error);
      return undefined;
    });
    if (found === undefined) continue;
    complaint = undefined;
    if (found !== shown) terminal.print(terminal.isLive ? `${REDRAW}${found}` : `\n${found}`);
    shown = found;
  }
}
