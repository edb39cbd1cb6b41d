/** Creates and keeps the salt of the weights, before the first list is published that cannot hold all members. */
import { randomBytes } from 'node:crypto';
import type { Discovery } from '../../peers/discovery/discover.ts';
import { saltIn } from '../../peers/views/salt.ts';
import type { World } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { JournalStore } from './journal-store.ts';

const RETRY_MS = 60_000;

export interface SaltKeeperOptions {
  readonly journal: Pick<JournalStore, 'keepSalt' | 'ref'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxPeers: number;
}

export class SaltKeeper {
  readonly #options: SaltKeeperOptions;
  /** The last salt. One that was deleted with the journal is written again, so no list changes. */
  #salt: string | undefined;
  #triedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SaltKeeperOptions) {
    this.#options = options;
  }

  /**
   * Writes a salt if a list needs one and there is none. True if publishing should wait until the caches show the salt.
   * That wait is short, because lists chosen without a salt are better than none. Never rejects.
   */
  async keep({ journal: seen, configMaps }: World, { groups }: Discovery): Promise<boolean> {
    const { journal, clock, log, maxPeers } = this.#options;
    // A journal without our own ConfigMap is the sign that the ConfigMap was deleted with its pause, so create no
    // journal now.
    if (!configMaps.has(journal.ref.namespace ?? '')) return false;
    const found = saltIn(seen?.data);
    this.#salt = found ?? this.#salt;
    const isChoice = [...groups.values()].some(({ listed }) => listed.length > maxPeers);
    if (found !== undefined || !isChoice || clock.monotonicMs() - this.#triedAtMs < RETRY_MS) return false;
    this.#triedAtMs = clock.monotonicMs();
    this.#salt ??= randomBytes(16).toString('hex');
    try {
      await journal.keepSalt(this.#salt);
      return true;
    } catch (error) {
      log.warn({ error }, 'the salt of the lists could not be written, so lists are chosen without it');
      return false;
    }
  }
}
