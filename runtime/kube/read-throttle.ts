/** Reads streams that bring nothing new less often: to wake for each event costs several times as much. */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../clock.ts';

/** The longest delay of a change that follows events without news. */
const LULL_MS = 100;
/** After more bytes than this there is no pause: waking costs little beside reading them, and more may wait. */
const LITTLE_BYTES = 256 * 1024;

export class ReadThrottle {
  readonly #clock: Clock;
  /** The paused streams. Their pauses end together, so that the process wakes once for all. */
  readonly #resting = new Set<IncomingMessage>();
  readonly #beginning = new Set<IncomingMessage>();
  /** For each stream, the bytes that had arrived at the last call of `begin`. */
  readonly #bytesAt = new WeakMap<IncomingMessage, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Pauses the stream for at most 100 ms, unless much has come since the last call. */
  begin(stream: IncomingMessage): void {
    if (this.#beginning.has(stream) || this.#resting.has(stream)) return;
    const { bytesRead } = stream.socket;
    const isLittle = bytesRead - (this.#bytesAt.get(stream) ?? 0) <= LITTLE_BYTES;
    this.#bytesAt.set(stream, bytesRead);
    if (!isLittle) return;
    this.#beginning.add(stream);
    // Pause in the next turn: after this chunk the stream would resume its socket again.
    setImmediate(() => {
      this.#beginning.delete(stream);
      stream.pause();
      stream.socket.pause();
      // The sleep also keeps the process alive, which a paused stream does not.
      if (this.#resting.size === 0) void this.#clock.sleep(LULL_MS).then(() => this.#end());
      this.#resting.add(stream);
    });
  }

  #end(): void {
    const rested = [...this.#resting];
    this.#resting.clear();
    for (const stream of rested) {
      stream.resume();
      stream.socket.resume();
    }
  }
}
