/**
 * Keeps the salt that members are weighed under: made before the first list that is a choice is published.
 */
import { randomBytes } from 'node:crypto';
import type { Discovery } from '../../peers/discovery/discover.ts';
import { saltIn } from '../../peers/views/salt.ts';
import type { World } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { JournalStore } from './journal-store.ts';

/** Between two tries to write it. */
const RETRY_MS = 60_000;

export interface SaltKeeperOptions {
  readonly journal: Pick<JournalStore, 'keepSalt' | 'ref'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxPeers: number;
}

export class SaltKeeper {
  readonly #options: SaltKeeperOptions;
  /** As it was last seen, or is to be: deleting the journal changes no list. */
  #salt: string | undefined;
  #triedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SaltKeeperOptions) {
    this.#options = options;
  }

  /**
   * Writes a salt where a list is a choice and there is none. True where lists should wait for the caches to show it: not
   * for long, since lists that are chosen without are better than none. Never rejects.
   */
  async keep({ journal: seen, configMaps }: World, { groups }: Discovery): Promise<boolean> {
    const { journal, clock, log, maxPeers } = this.#options;
    // A journal without our own ConfigMap tells of a pause that was deleted with that one.
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
      log.warn({ error }, 'the salt of the lists could not be written; lists are chosen without');
      return false;
    }
  }
}
