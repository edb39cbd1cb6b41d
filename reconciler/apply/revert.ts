/** Undoes restarts: takes back a bump that has replaced no pod, and fences one that does not show. */
import { ANNOTATION_PEER_FENCE, FENCE_FIELD_MANAGER } from '../../peers/names.ts';
import { readStatefulSet } from '../../peers/read/workload.ts';
import type { StatefulSetFacts, World } from '../../peers/world.ts';
import { isRefusal, type PatchOperation } from '../../runtime/kube/port.ts';
import { type ObjectRef, StatefulSets } from '../../runtime/kube/resources.ts';
import type { JournalEntry } from '../plan/journal/journal.ts';
import type { InFlightRestart, InFlightRestarts } from '../plan/restarts/in-flight-restarts.ts';
import { type TakenBack, takeBackWhy, tokenOfPods } from '../plan/restarts/take-back.ts';
import { RESTART_PATH, type RestartExecutorOptions } from './restart-executor.ts';

/** The time limit of the note in the journal: meanwhile the StatefulSet controller may carry out the bump. */
const NOTE_MS = 500;

export type ReverterOptions = Omit<RestartExecutorOptions, 'probe'>;

export class Reverter {
  readonly #options: ReverterOptions;

  constructor(options: ReverterOptions) {
    this.#options = options;
  }

  /**
   * Takes a bump back if the live reads agree, on condition that nothing was written in between. Resolves to the
   * reason, or to undefined if the bump stays. The reason is written to the journal first: without it, a bump that is
   * gone from the template counts as undone by others. Rejects with KubeError if the API server fails.
   */
  async takeBack(open: InFlightRestart, known: InFlightRestarts): Promise<TakenBack | undefined> {
    const { discover, journal, kube, log, mayWrite, memory, readLive } = this.#options;
    const live = await readLive.around(open.entry.statefulSet);
    const why = takeBackWhy(open, memory.inputFor(live.world, discover(live.world)), known.seenForMs(open));
    if (why === undefined || !mayWrite()) return undefined;
    const { group, entry } = open;
    known.noteTakeBack(open, why);
    await this.#noteTakeBack(open, why);
    if (!mayWrite()) return undefined;
    const [namespace = '', name = ''] = entry.statefulSet.split('/');
    const ref = { resource: StatefulSets, namespace, name };
    const patch = takeBackPatch(tokenOfPods(entry, live.world), live.version(ref) ?? '');
    const { generation } = readStatefulSet(await kube.patch(ref, patch));
    log.info({ group, statefulSet: entry.statefulSet, reason: why }, 'a restart was taken back');
    await journal.close(group, [{ entry, outcome: 'defused', why, generation }]);
    return why;
  }

  /** The journal may not be writable, or may not answer. A bump that must not act is taken back even so. */
  async #noteTakeBack({ group, entry }: InFlightRestart, why: TakenBack): Promise<void> {
    const { clock, journal, log } = this.#options;
    const noted = journal.noteTakeBack(group, entry, why).catch((error: unknown) => {
      log.warn({ error, group }, 'the journal could not be told that a restart is taken back');
    });
    await Promise.race([noted, clock.sleep(NOTE_MS)]);
  }

  /**
   * Fences a bump that does not show. Its write, if it is still on its way, requires a resourceVersion that this write
   * changes, so the API server refuses it. False if the write has arrived before. Rejects with KubeError if the API
   * server fails.
   */
  async fence(entry: JournalEntry, world: World): Promise<boolean> {
    const statefulSet = world.statefulSets.get(entry.statefulSet);
    if (!statefulSet || entry.kind !== 'bump') return true;
    const { namespace, name } = statefulSet;
    const ref = { resource: StatefulSets, namespace, name };
    try {
      return await this.#writeFence(ref, entry, statefulSet);
    } catch (error) {
      if (isRefusal(error) && (await this.#hasMoved(ref, entry))) return true;
      throw error;
    }
  }

  async #writeFence(ref: ObjectRef, entry: JournalEntry, { uid }: StatefulSetFacts): Promise<boolean> {
    const { name, namespace = '' } = ref;
    const annotations = { [ANNOTATION_PEER_FENCE]: `${entry.token} ${entry.atMs}` };
    const metadata = { name, namespace, uid, annotations };
    const fenced = await this.#options.kube.apply(ref, { metadata }, { manager: FENCE_FIELD_MANAGER });
    return readStatefulSet(fenced).restartToken !== entry.token;
  }

  /** True if the StatefulSet no longer has the version that the bump's write requires. */
  async #hasMoved(ref: ObjectRef, entry: JournalEntry): Promise<boolean> {
    const found = await this.#options.kube.get(ref);
    if (!found) return true;
    const { resourceVersion } = found.metadata;
    const isOther = entry.version !== undefined && resourceVersion !== entry.version;
    return isOther && readStatefulSet(found).restartToken !== entry.token;
  }
}

/** Puts the annotation back to the value on the pods. */
const takeBackPatch = (token: string | undefined, resourceVersion: string): PatchOperation[] => [
  { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
  token === undefined
    ? { op: 'remove', path: RESTART_PATH }
    : { op: 'replace', path: RESTART_PATH, value: token },
];
