/**
 * The journal in the cluster: read with its resourceVersion, written only on condition of it.
 * The object is created empty by server-side apply, which is no lock; every entry goes in by PUT.
 */
import { FIELD_MANAGER, JOURNAL_CONFIGMAP } from '../peers/names.ts';
import { readConfigMap } from '../peers/read-cluster.ts';
import type { Clock } from '../runtime/clock.ts';
import { isConflict, type Kube, type KubeObject } from '../runtime/kube.ts';
import { ConfigMaps, type ObjectRef } from '../runtime/resources.ts';
import { closeEntry, type Entry, formatJournal, type Outcome, readJournal } from './journal.ts';

export class JournalStore {
  readonly #kube: Kube;
  readonly #clock: Clock;
  /** The ConfigMap that holds the journal. */
  readonly ref: ObjectRef;

  constructor(options: { kube: Kube; clock: Clock; namespace: string }) {
    this.#kube = options.kube;
    this.#clock = options.clock;
    this.ref = { resource: ConfigMaps, namespace: options.namespace, name: JOURNAL_CONFIGMAP };
  }

  /**
   * Writes an intent if the journal still stands at `version` (undefined: it was not there yet).
   * False if somebody wrote in between: then the caller's reading is old, and nothing was written.
   */
  async open(group: string, entry: Entry, version: string | undefined): Promise<boolean> {
    const live = await this.#read();
    if (version !== undefined && live.metadata.resourceVersion !== version) return false;
    const entries = readJournal(readConfigMap(live), group);
    if (!entries || entries.some((each) => each.outcome === undefined)) return false;
    return this.#replace(live, group, [...entries, entry]);
  }

  /** Closes entries of a group; tries again where another group's entry came in between. */
  async close(
    group: string,
    closings: ReadonlyArray<{ readonly entry: Entry; readonly outcome: Outcome }>,
  ): Promise<void> {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const live = await this.#read();
      const nowMs = this.#clock.nowMs();
      let entries = readJournal(readConfigMap(live), group);
      // What cannot be read stops its group until a person looks: it is not written over.
      if (!entries) return;
      for (const { entry, outcome } of closings) entries = closeEntry(entries, entry, outcome, nowMs);
      if (await this.#replace(live, group, entries)) return;
    }
  }

  async #read(): Promise<KubeObject> {
    const { name, namespace = '' } = this.ref;
    const found = await this.#kube.get(this.ref);
    return found ?? this.#kube.apply(this.ref, { metadata: { name, namespace } }, { manager: FIELD_MANAGER });
  }

  async #replace(live: KubeObject, group: string, entries: readonly Entry[]): Promise<boolean> {
    const data = { ...readConfigMap(live).data, [group]: formatJournal(entries, this.#clock.nowMs()) };
    try {
      await this.#kube.replace(this.ref, { ...live, data });
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
  }
}
