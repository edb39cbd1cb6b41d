/** One stream of snapshots for all watchers, each computed once for all, and only while there is a watcher. */
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Subscribe } from '../runtime/notifier.ts';
import { Wake } from '../runtime/wake.ts';
import type { ServingReplica, Snapshot } from './snapshot.ts';

/** The shortest pause between two snapshots. Changes come in bursts, and a person cannot follow faster updates. */
const REST_MS_MIN = 500;
/** The pause after a snapshot is at least this many times as long as its computation. */
const REST_FACTOR = 20;
/** The longest pause: a hold may end without any change, and watchers need a sign of life. */
const LOOK_AGAIN_MS = 10_000;

/** Takes one message of the stream; it must not block. */
export type Watcher = (message: string) => void;

export interface FeedOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Calls the listener after each change that may be visible. */
  readonly onChange: Subscribe;
  readonly take: () => Promise<Snapshot>;
  readonly replica: () => ServingReplica;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #watchers = new Set<Watcher>();
  #stopping = new AbortController();
  /** The present loop. It ends with the last watcher; the loop for the next watcher begins after it. */
  #round: Promise<void> = Promise.resolve();
  /** No snapshot is computed before this time, even if watchers come and go; monotonic ms. */
  #restsUntilMs = 0;
  /** The last snapshot of this round, as JSON. */
  #last = '';

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Sends `watcher` the present state and all later ones, until the returned function is called. */
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

  /** Sends snapshots until there is no watcher. Never rejects. */
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
      log.error({ error }, 'the status page could not be computed, retrying');
    } finally {
      const tookMs = clock.monotonicMs() - startMs;
      this.#restsUntilMs = clock.monotonicMs() + Math.max(REST_MS_MIN, REST_FACTOR * tookMs);
    }
  }

  #send(message: string): void {
    for (const watcher of this.#watchers) watcher(message);
  }

  /** A message. The serving replica has its own line, because it changes in each message, unlike the snapshot. */
  #message(event: 'snapshot' | 'alive'): string {
    const { clock, replica } = this.#options;
    const serving = JSON.stringify({ ...replica(), nowMs: clock.nowMs() });
    const shown = event === 'snapshot' ? `data: ${this.#last}\n` : '';
    return `event: ${event}\ndata: ${serving}\n${shown}\n`;
  }
}
