/** Counts the calls of the soak by the API server's own counters, which begin at zero when it restarts. */
import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../cluster/boot.ts';
import type { Replica } from '../cluster/replica.ts';
import { type WebhookCalls, webhookCalls } from '../cluster/webhook-calls.ts';

const LOOK_MS = 1_000;

export class CallWitness {
  readonly #cluster: Cluster;
  #last: WebhookCalls | undefined;
  #sum = { called: 0, failedOpen: 0, rejected: 0 };
  #stopped = false;
  /** Looks never overlap: if an older count came after a newer one, the API server would seem to have restarted. */
  #looking: Promise<void> = Promise.resolve();
  readonly #running: Promise<void>;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#running = this.#run();
  }

  /** Calls since the beginning, up to now. */
  async counts(): Promise<WebhookCalls> {
    await this.#look();
    return { ...this.#sum };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#look();
      await delay(LOOK_MS);
    }
  }

  #look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#lookOnce());
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    // While it is down there is nothing to count.
    const now = await webhookCalls(this.#cluster).catch(() => undefined);
    if (!now) return;
    const isAnew = this.#last !== undefined && now.called < this.#last.called;
    const base = this.#last && !isAnew ? this.#last : { called: 0, failedOpen: 0, rejected: 0 };
    this.#sum = {
      called: this.#sum.called + now.called - base.called,
      failedOpen: this.#sum.failedOpen + now.failedOpen - base.failedOpen,
      rejected: this.#sum.rejected + now.rejected - base.rejected,
    };
    this.#last = now;
  }
}

/** Resident memory of a replica, MiB. */
export function memoryMiB({ pid }: Replica): number {
  const kib = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
  return Math.round(Number(kib) / 1024);
}
