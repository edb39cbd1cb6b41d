/**
 * Times in which streams that say nothing new are not read: what comes meanwhile is read at once after it. A process that
 * is woken for each event alone pays several times as much for it.
 */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../clock.ts';

/** By how much a change may be seen later, at most, where nothing but noise came before it. */
const LULL_MS = 100;
/** After more than this, being woken costs little beside what was read, and more may wait: a pause would make us late. */
const LITTLE_BYTES = 256 * 1024;

export class ReadThrottle {
  readonly #clock: Clock;
  /** Those whose lull ends at the same moment, so that the process is woken once for all of them. */
  readonly #resting = new Set<IncomingMessage>();
  readonly #beginning = new Set<IncomingMessage>();
  /** Of each stream, how much had come when it was to rest last. */
  readonly #bytesAt = new WeakMap<IncomingMessage, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Reads no more of the stream for at most 100 ms, unless much has come since the last time. */
  begin(stream: IncomingMessage): void {
    if (this.#beginning.has(stream) || this.#resting.has(stream)) return;
    const { bytesRead } = stream.socket;
    const isLittle = bytesRead - (this.#bytesAt.get(stream) ?? 0) <= LITTLE_BYTES;
    this.#bytesAt.set(stream, bytesRead);
    if (!isLittle) return;
    this.#beginning.add(stream);
    // Not at once: the stream asks its socket for more as soon as this piece was read.
    setImmediate(() => {
      this.#beginning.delete(stream);
      stream.pause();
      stream.socket.pause();
      // A sleep keeps the process alive, which a stream that is not read does not.
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
