/**
 * The journal in the cluster. A write succeeds only if the journal still has the resourceVersion that was read.
 * Server-side apply creates the object, empty, because apply has no such condition; every entry is written by PUT.
 */
import { FIELD_MANAGER, JOURNAL_CONFIGMAP } from '../../peers/names.ts';
import { readConfigMap } from '../../peers/read/cluster.ts';
import { SALT_KEY, saltIn } from '../../peers/views/salt.ts';
import { type ConfigMapFacts, type Key, namespaceOf } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import { isConflict, type Kube, KubeError, type KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps, type ObjectRef } from '../../runtime/kube/resources.ts';
import { keysWith } from '../plan/journal/group-journal.ts';
import {
  type Closing,
  closeEntry,
  formatJournal,
  isAhead,
  isSameOpen,
  type JournalEntry,
  readJournal,
} from '../plan/journal/journal.ts';
import { roomFor, withEntries } from '../plan/journal/journal-room.ts';
import { SteadyTime } from '../plan/journal/steady-time.ts';

/** `behind`: another writer came first. `full`: no room. `spent`: the namespace has used up its share. */
type Opening = 'opened' | 'behind' | 'spent' | 'full';

export class JournalStore {
  readonly #kube: Kube;
  readonly #clock: Clock;
  readonly #steady: SteadyTime;
  /** The ConfigMap that holds the journal. */
  readonly ref: ObjectRef;
  /** The last withdrawn intent of each StatefulSet. */
  readonly #withdrawn = new Map<Key, JournalEntry>();

  constructor(options: { kube: Kube; clock: Clock; namespace: string }) {
    this.#kube = options.kube;
    this.#clock = options.clock;
    this.#steady = new SteadyTime(options.clock);
    this.ref = { resource: ConfigMaps, namespace: options.namespace, name: JOURNAL_CONFIGMAP };
  }

  /**
   * Writes an intent if the journal still has the resourceVersion `version` (undefined: there was no journal).
   * Writes nothing unless the result is `opened`. After `behind` the caller must read again.
   */
  async open(group: string, entry: JournalEntry, version: string | undefined): Promise<Opening> {
    const live = await this.#read();
    if (version !== undefined && live.metadata.resourceVersion !== version) return 'behind';
    const entries = readJournal(readConfigMap(live), group);
    if (!entries || entries.some((each) => each.outcome === undefined)) return 'behind';
    const data = this.#dataWith(live, group, [...entries, entry]);
    const room = roomFor(namespaceOf(entry.statefulSet), data);
    if (room !== 'enough') return room;
    return (await this.#replace(live, data)) ? 'opened' : 'behind';
  }

  /** Closes entries of a group. Rejects with KubeError if the journal could not be written. */
  async close(group: string, closings: readonly Closing[]): Promise<void> {
    const isWritten = await this.#edit(group, (entries) => {
      const endedAtMs = this.#clock.nowMs();
      return closings.reduce(
        (all, { entry, ...ending }) => closeEntry(all, entry, { ...ending, endedAtMs }),
        entries,
      );
    });
    if (!isWritten)
      throw new KubeError('the journal cannot be read in full, or changed too often to be written', {
        status: 409,
      });
  }

  async noteTakeBack(group: string, entry: JournalEntry, why: string): Promise<void> {
    await this.#edit(group, (entries) => closeEntry(entries, entry, { why }));
  }

  /** Writes the salt of the lists, unless there is one. */
  async keepSalt(salt: string): Promise<void> {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const live = await this.#read();
      const { data } = readConfigMap(live);
      if (saltIn(data) !== undefined || (await this.#replace(live, { ...data, [SALT_KEY]: salt }))) return;
    }
  }

  /** Removes an intent whose restart was certainly not written, so that it neither counts nor takes room. */
  async withdraw(group: string, entry: JournalEntry): Promise<void> {
    let wasIn = false;
    const isOut = await this.#edit(group, (entries) => {
      wasIn = entries.some((each) => isSameOpen(each, entry));
      return entries.filter((each) => !isSameOpen(each, entry));
    });
    // Our PUT of an intent that is not there may still arrive. Such an entry must not be hidden: it needs a fence.
    if (isOut && wasIn) this.#withdrawn.set(entry.statefulSet, entry);
  }

  /** A cached journal without the withdrawn intents, which the cache may still show though nothing is under way. */
  withoutWithdrawn(journal: ConfigMapFacts | undefined): ConfigMapFacts | undefined {
    const keys = keysWith(journal, (entry) => this.#isWithdrawn(entry));
    if (!journal || keys.length === 0) return journal;
    const kept = (key: string) => readJournal(journal, key)?.filter((entry) => !this.#isWithdrawn(entry));
    const texts = keys.map((key) => [key, formatJournal(kept(key) ?? [], Number.NEGATIVE_INFINITY)]);
    return { ...journal, data: { ...journal.data, ...Object.fromEntries(texts) } };
  }

  #isWithdrawn(entry: JournalEntry): boolean {
    const last = this.#withdrawn.get(entry.statefulSet);
    return last !== undefined && isSameOpen(entry, last);
  }

  /** Keys with entries that are dated in the future; none while our own clock may be wrong. */
  keysDatedAhead(journal: ConfigMapFacts | undefined): string[] {
    const nowMs = this.#steady.nowMs();
    return nowMs === undefined ? [] : keysWith(journal, (entry) => isAhead(entry, nowMs));
  }

  /** Sets the date of entries that are dated in the future to now, under all keys, as each write of the journal does. */
  async redateAhead(group: string): Promise<void> {
    await this.#edit(group, (entries) => entries);
  }

  /** Tries again if another writer came first. False if nothing was written. */
  async #edit(
    group: string,
    change: (entries: readonly JournalEntry[]) => readonly JournalEntry[],
  ): Promise<boolean> {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const live = await this.#read();
      const entries = readJournal(readConfigMap(live), group);
      // Entries that cannot be read hold their group until a person repairs them, so they are not overwritten.
      if (!entries) return false;
      if (await this.#replace(live, this.#dataWith(live, group, change(entries)))) return true;
    }
    return false;
  }

  async #read(): Promise<KubeObject> {
    const { name, namespace = '' } = this.ref;
    const found = await this.#kube.get(this.ref);
    return found ?? this.#kube.apply(this.ref, { metadata: { name, namespace } }, { manager: FIELD_MANAGER });
  }

  #dataWith(live: KubeObject, group: string, entries: readonly JournalEntry[]): Record<string, string> {
    return withEntries(readConfigMap(live), group, entries, this.#steady.nowMs());
  }

  async #replace(live: KubeObject, data: Readonly<Record<string, string>>): Promise<boolean> {
    try {
      await this.#kube.replace(this.ref, { ...live, data });
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
  }
}
