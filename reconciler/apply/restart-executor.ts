/**
 * Carries out one restart: reads live, plans again, writes the journal, then makes the one write. A crash between any
 * two steps is safe, because the next leader closes open entries of the journal.
 */
import type { Discovery } from '../../peers/discovery/discover.ts';
import { ANNOTATION_PEER_RESTART } from '../../peers/names.ts';
import { readStatefulSet } from '../../peers/read/workload.ts';
import { type Reason, reason } from '../../peers/reasons/reasons.ts';
import type { World } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { LiveWorld } from '../../runtime/kube/live-read.ts';
import {
  isConflict,
  isNotDone,
  isRefusal,
  type Kube,
  KubeError,
  type PatchOperation,
  wordsOf,
} from '../../runtime/kube/port.ts';
import { Pods, StatefulSets } from '../../runtime/kube/resources.ts';
import type { Log } from '../../runtime/log.ts';
import type { JournalEntry } from '../plan/journal/journal.ts';
import { answers } from '../plan/quorum/core-says.ts';
import { type GroupPlan, planGroup, type Restart } from '../plan/restarts/rollout.ts';
import type { PlanningMemory } from '../planning-memory.ts';
import type { JournalStore } from './journal-store.ts';
import type { ReadLive } from './live-reads.ts';

export interface RestartExecutorOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: JournalStore;
  readonly readLive: ReadLive;
  readonly discover: (world: World) => Discovery;
  readonly memory: Pick<PlanningMemory, 'inputFor'>;
  /** Why the webhook would not inject a new pod now; undefined if it would. */
  readonly probe: (world: World) => Promise<Reason | undefined>;
  /** False once another replica may lead. */
  readonly mayWrite: () => boolean;
}

/** The result of an attempt: begun, or why not. */
export type Attempt =
  | { readonly kind: 'begun' }
  | { readonly kind: 'refused'; readonly reason: Reason }
  /** No validator of the group can be restarted now; with the delay before the next attempt. */
  | { readonly kind: 'obstructed'; readonly reason: Reason; readonly retryMs?: number }
  /** The write got no answer. The journal entry stays open until the outcome is known. */
  | { readonly kind: 'unanswered' }
  /** Another writer changed or deleted the pod or StatefulSet between the live reads and the write. */
  | { readonly kind: 'conflict'; readonly reason: Reason }
  /** The live plan differs from the cached one: look again. */
  | { readonly kind: 'changed' };

const CHANGED: Attempt = { kind: 'changed' };
/** The delay if the webhook did not answer: it is hardly back sooner. */
const WEBHOOK_MS = 5_000;
/** The delay if the journal is full: it takes hours to empty. */
const FULL_MS = 30_000;

export class RestartExecutor {
  readonly #options: RestartExecutorOptions;

  constructor(options: RestartExecutorOptions) {
    this.#options = options;
  }

  /** Tries to begin `wanted`. Rejects with KubeError if the live reads fail; then nothing was begun. */
  async attempt(wanted: Restart): Promise<Attempt> {
    const { discover, memory, probe, readLive } = this.#options;
    const live = await readLive.around(wanted.statefulSet);
    const discovery = discover(live.world);
    const group = discovery.groups.get(wanted.group);
    if (!group) return CHANGED;
    const plan = planGroup(group, memory.inputFor(live.world, discovery));
    const { restart } = plan;
    if (restart?.token !== wanted.token || restart.statefulSet !== wanted.statefulSet) {
      const why = live.hasMountedSets ? quorumHold(plan, wanted) : undefined;
      return why ? { kind: 'refused', reason: why } : CHANGED;
    }
    const unanswered = await probe(live.world);
    if (unanswered) return { kind: 'obstructed', reason: unanswered, retryMs: WEBHOOK_MS };
    return this.#begin(restart, live);
  }

  async #begin(restart: Restart, live: LiveWorld): Promise<Attempt> {
    const { clock, log, mayWrite } = this.#options;
    if (!mayWrite()) return CHANGED;
    const entry = { ...entryOf(restart, live, clock.nowMs()), ...this.#answeredBefore(restart, live) };
    const unopened = await this.#open(restart, entry, live);
    if (unopened) return unopened;
    if (!mayWrite()) return this.#withdraw(restart, entry, CHANGED);
    log.info(fieldsOf(restart), 'restarting a validator');
    try {
      if (await this.#write(restart, live)) return { kind: 'begun' };
    } catch (error) {
      return this.#afterFailure(restart, entry, error);
    }
    log.warn(fieldsOf(restart), 'an admission webhook removed the annotation of a restart');
    const why = reason('RestartReverted', 'an admission webhook removes its annotation');
    return this.#withdraw(restart, entry, { kind: 'refused', reason: why });
  }

  #answeredBefore({ pods }: Restart, { world }: LiveWorld): Pick<JournalEntry, 'answered'> {
    return answers(pods, world, this.#options.journal.ref.namespace ?? '') ? { answered: true } : {};
  }

  /** Writes the intent. Resolves to the result of the attempt if that is not possible. */
  async #open(restart: Restart, entry: JournalEntry, live: LiveWorld): Promise<Attempt | undefined> {
    const { journal, log } = this.#options;
    try {
      const opening = await journal.open(restart.group, entry, live.version(journal.ref));
      if (opening === 'opened') return undefined;
      if (opening === 'behind') return CHANGED;
      const { namespace } = restart.validator;
      if (opening === 'spent')
        return { kind: 'refused', reason: reason('JournalFull', `${namespace} has used up its share`) };
      return { kind: 'obstructed', reason: reason('JournalFull'), retryMs: FULL_MS };
    } catch (error) {
      log.warn({ error, ...fieldsOf(restart) }, 'the journal could not be written, so nothing was restarted');
      const attempt: Attempt = {
        kind: 'obstructed',
        reason: reason('JournalUnwritable', wordsOf(error)),
      };
      // The intent may have been written. It must not stay there, because it would count as a failed restart.
      return isNotDone(error) ? attempt : this.#withdraw(restart, entry, attempt);
    }
  }

  /** False if the API server stored the StatefulSet unchanged, so that nothing will happen. */
  async #write(restart: Restart, live: LiveWorld): Promise<boolean> {
    const { kube } = this.#options;
    const { namespace } = restart.validator;
    if (restart.kind === 'bump') {
      const annotations = live.world.statefulSets.get(restart.statefulSet)?.template.annotations ?? {};
      const ref = setRef(restart);
      const version = live.version(ref) ?? '';
      const patch = bumpPatch(restart.token, version, Object.keys(annotations).length > 0);
      const { restartToken } = readStatefulSet(await kube.patch(ref, patch));
      return restartToken === restart.token || restartToken !== restart.before;
    }
    for (const pod of restart.pods) {
      const ref = { resource: Pods, namespace, name: pod.name };
      await kube.delete(ref, { uid: pod.uid, resourceVersion: live.version(ref) ?? '' });
    }
    return true;
  }

  /** Nothing happened if the API server refused. Without an answer, the entry stays open. */
  async #afterFailure(restart: Restart, entry: JournalEntry, error: unknown): Promise<Attempt> {
    const { log } = this.#options;
    if (isRefusal(error) || (isFinal(error) && !isGone(error))) {
      log.warn({ error, ...fieldsOf(restart) }, 'the restart was refused');
      const why = reason('RefusedByPolicy', wordsOf(error));
      return this.#withdraw(restart, entry, { kind: 'refused', reason: why });
    }
    if (isConflict(error) || isGone(error)) {
      const why = reason('RefusedByPolicy', `others change it again and again: ${wordsOf(error)}`);
      return this.#withdraw(restart, entry, { kind: 'conflict', reason: why });
    }
    if (isNotDone(error)) return this.#withdraw(restart, entry, CHANGED);
    log.warn({ error, ...fieldsOf(restart) }, 'the write of a restart got no answer');
    return { kind: 'unanswered' };
  }

  /** Removes the intent of a restart that did not happen. If that fails, the entry is closed as void later. */
  async #withdraw<A extends Attempt>(restart: Restart, entry: JournalEntry, attempt: A): Promise<A> {
    const { journal, log } = this.#options;
    try {
      await journal.withdraw(restart.group, entry);
    } catch (error) {
      log.warn({ error, ...fieldsOf(restart) }, 'a restart that did not happen is still in the journal');
    }
    return attempt;
  }
}

/** The hold by the quorum after live reads, which show mounted sets that the caches do not. */
function quorumHold({ holds }: GroupPlan, { validator }: Restart): Reason | undefined {
  const why = holds.get(validator.key);
  return why?.code === 'QuorumUnknown' || why?.code === 'QuorumMargin' ? why : undefined;
}

/** True if the next try would get the same answer: no rights, too large, malformed. The group must not wait for it. */
const isFinal = (error: unknown): boolean =>
  error instanceof KubeError &&
  error.status >= 400 &&
  error.status < 500 &&
  ![409, 429].includes(error.status);

/** True if the pod or the StatefulSet is gone, because another writer was faster. */
const isGone = (error: unknown): boolean => error instanceof KubeError && error.status === 404;

const setRef = ({ validator: { namespace, name } }: Restart) => ({ resource: StatefulSets, namespace, name });

const ANNOTATIONS_PATH = '/spec/template/metadata/annotations';
export const RESTART_PATH = `${ANNOTATIONS_PATH}/${ANNOTATION_PEER_RESTART.replace('/', '~1')}`;

/**
 * Sets the one annotation of the template. The patch also sets resourceVersion to the one that was read, so the API
 * server answers 409 if the object has changed. There are two forms, because JSON Patch cannot add a key to an object
 * that does not exist.
 */
function bumpPatch(token: string, resourceVersion: string, hasAnnotations: boolean): PatchOperation[] {
  return [
    { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
    hasAnnotations
      ? { op: 'add', path: RESTART_PATH, value: token }
      : { op: 'add', path: ANNOTATIONS_PATH, value: { [ANNOTATION_PEER_RESTART]: token } },
  ];
}

const entryOf = (restart: Restart, live: LiveWorld, atMs: number): JournalEntry => ({
  ...(restart.kind === 'bump' ? { version: live.version(setRef(restart)) ?? '' } : {}),
  statefulSet: restart.statefulSet,
  kind: restart.kind,
  uids: restart.pods.map((pod) => pod.uid),
  names: restart.pods.map((pod) => pod.name),
  token: restart.token,
  drift: restart.drift,
  atMs,
});

const fieldsOf = (restart: Restart): object => ({
  group: restart.group,
  statefulSet: restart.statefulSet,
  kind: restart.kind,
  drift: restart.drift,
  token: restart.token,
});
