/**
 * One stream of snapshots for all who watch: each is worked out once, at most every half second, in at most a twentieth
 * of the time, and not at all without a watcher.
 */
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Subscribe } from '../runtime/notifier.ts';
import { Wake } from '../runtime/wake.ts';
import type { ServingReplica, Snapshot } from './snapshot.ts';

/** Changes come in bursts, and a person sees no more than this. */
const REST_MS_MIN = 500;
/** A snapshot that took long is followed by a rest this many times as long. */
const REST_FACTOR = 20;
/** A hold may end by time alone, and watchers want to hear that we live. */
const LOOK_AGAIN_MS = 10_000;

/** Takes one message of the stream; it must not block. */
export type Watcher = (message: string) => void;

export interface FeedOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Calls the listener after each change that may show. */
  readonly onChange: Subscribe;
  /** The snapshot as of now. */
  readonly take: () => Promise<Snapshot>;
  readonly replica: () => ServingReplica;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #watchers = new Set<Watcher>();
  #stopping = new AbortController();
  /** Ends with the last one who watched; the next one's begins after it. */
  #round: Promise<void> = Promise.resolve();
  /** Nothing is worked out before, whichever watchers come and go; monotonic ms. */
  #restsUntilMs = 0;
  /** The last snapshot of this round, as JSON. */
  #last = '';

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Sends `watcher` the state as it is, and what becomes of it, until the returned function is called. */
  join(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#begin();
    else if (this.#last !== '') watcher(this.#message('snapshot'));
    return () => {
      if (this.#watchers.delete(watcher) && this.#watchers.size === 0) this.#stopping.abort();
    };
  }

  #begin(): void {
    this.#stopping = new AbortController();
    const { signal } = this.#stopping;
    this.#round = this.#round.then(() => this.#run(signal));
  }

  /** Until there is no watcher. Never rejects. */
  async #run(signal: AbortSignal): Promise<void> {
    const { clock, onChange } = this.#options;
    if (signal.aborted) return;
    const wake = new Wake(clock);
    const stopListening = onChange(() => wake.notify());
    this.#last = '';
    while (!signal.aborted) {
      await clock.sleep(Math.max(0, this.#restsUntilMs - clock.monotonicMs()), signal);
      if (signal.aborted) break;
      await this.#look(signal);
      await wake.wait(LOOK_AGAIN_MS, signal);
    }
    stopListening();
    this.#last = '';
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock, log, take } = this.#options;
    const startMs = clock.monotonicMs();
    try {
      const text = JSON.stringify(await take());
      if (signal.aborted) return;
      const isSame = text === this.#last;
      this.#last = text;
      this.#send(this.#message(isSame ? 'alive' : 'snapshot'));
    } catch (error) {
      log.error({ error }, 'the status page could not be worked out; it is tried again');
    } finally {
      const tookMs = clock.monotonicMs() - startMs;
      this.#restsUntilMs = clock.monotonicMs() + Math.max(REST_MS_MIN, REST_FACTOR * tookMs);
    }
  }

  #send(message: string): void {
    for (const watcher of this.#watchers) watcher(message);
  }

  /** Who serves is in a line of its own: that changes all the time, and what is shown does not. */
  #message(event: 'snapshot' | 'alive'): string {
    const { clock, replica } = this.#options;
    const serving = JSON.stringify({ ...replica(), nowMs: clock.nowMs() });
    const shown = event === 'snapshot' ? `data: ${this.#last}\n` : '';
    return `event: ${event}\ndata: ${serving}\n${shown}\n`;
  }
}
