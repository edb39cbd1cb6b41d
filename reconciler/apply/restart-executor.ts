/**
 * Carries out one restart: live reads, the plan once more on them, the journal, then the one write.
 * A crash between any two steps is safe: what is open in the journal is closed by the next leader.
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
import { type GroupPlan, planGroup, type Restart, type RolloutInput } from '../plan/restarts/rollout.ts';
import type { JournalStore } from './journal-store.ts';
import type { ReadLive } from './live-reads.ts';

export interface RestartExecutorOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: JournalStore;
  readonly readLive: ReadLive;
  readonly discover: (world: World) => Discovery;
  /** Why the webhook would not inject a pod that came now; undefined if it would. */
  readonly probe: (world: World) => Promise<Reason | undefined>;
  /** False once another replica may lead. */
  readonly mayWrite: () => boolean;
}

/** What became of an attempt: begun, or not and why. */
export type Attempt =
  | { readonly kind: 'begun'; readonly restart: Restart }
  /** The cluster says no to this one. */
  | { readonly kind: 'refused'; readonly reason: Reason }
  /** Nothing can be restarted now, whichever it is; with the delay before the next attempt, where it is not the usual. */
  | { readonly kind: 'obstructed'; readonly reason: Reason; readonly retryMs?: number }
  /** The write was sent and not answered: the journal stays open until it is known what became of it. */
  | { readonly kind: 'unanswered'; readonly error: unknown }
  /** What was to be restarted has been written or deleted by others, between the live reads and the write. */
  | { readonly kind: 'conflict'; readonly reason: Reason }
  /** The live plan differs from the cached one: look again. */
  | { readonly kind: 'changed'; readonly plan: GroupPlan | undefined };

/** A webhook that does not answer is hardly back within seconds. */
const WEBHOOK_MS = 5_000;
/** A full journal empties within hours. */
const FULL_MS = 30_000;

export class RestartExecutor {
  readonly #options: RestartExecutorOptions;

  constructor(options: RestartExecutorOptions) {
    this.#options = options;
  }

  /**
   * Tries to begin `wanted`, planned on caches. Rejects with KubeError where the live reads fail; then nothing was
   * begun.
   */
  async attempt(
    wanted: Restart,
    inputFor: (world: World, discovery: Discovery) => RolloutInput,
  ): Promise<Attempt> {
    const { discover, probe, readLive } = this.#options;
    const live = await readLive.around(wanted.statefulSet);
    const discovery = discover(live.world);
    const group = discovery.groups.get(wanted.group);
    if (!group) return { kind: 'changed', plan: undefined };
    const plan = planGroup(group, inputFor(live.world, discovery));
    const { restart } = plan;
    if (restart?.token !== wanted.token || restart.statefulSet !== wanted.statefulSet) {
      const why = live.hasMountedSets ? quorumHold(plan, wanted) : undefined;
      return why ? { kind: 'refused', reason: why } : { kind: 'changed', plan };
    }
    const unanswered = await probe(live.world);
    if (unanswered) return { kind: 'obstructed', reason: unanswered, retryMs: WEBHOOK_MS };
    return this.#begin(restart, live, plan);
  }

  async #begin(restart: Restart, live: LiveWorld, plan: GroupPlan): Promise<Attempt> {
    const { clock, log, mayWrite } = this.#options;
    if (!mayWrite()) return { kind: 'changed', plan };
    const entry = { ...entryOf(restart, live, clock.nowMs()), ...this.#answeredBefore(restart, live) };
    const unopened = await this.#open(restart, entry, live, plan);
    if (unopened) return unopened;
    if (!mayWrite()) return this.#withdraw(restart, entry, { kind: 'changed', plan });
    log.info(fieldsOf(restart), 'restarting a validator');
    try {
      if (await this.#write(restart, live)) return { kind: 'begun', restart };
    } catch (error) {
      return this.#afterFailure(restart, entry, error);
    }
    log.warn(fieldsOf(restart), 'the annotation of a restart was stripped before it was stored');
    const why = reason('RestartReverted', 'an admission webhook strips it');
    return this.#withdraw(restart, entry, { kind: 'refused', reason: why });
  }

  #answeredBefore({ pods }: Restart, { world }: LiveWorld): Pick<JournalEntry, 'answered'> {
    return answers(pods, world, this.#options.journal.ref.namespace ?? '') ? { answered: true } : {};
  }

  /** Writes the intent; what the attempt comes to where that is not possible. */
  async #open(
    restart: Restart,
    entry: JournalEntry,
    live: LiveWorld,
    plan: GroupPlan,
  ): Promise<Attempt | undefined> {
    const { journal, log } = this.#options;
    try {
      const opening = await journal.open(restart.group, entry, live.version(journal.ref));
      if (opening === 'opened') return undefined;
      if (opening === 'behind') return { kind: 'changed', plan };
      const { namespace } = restart.validator;
      if (opening === 'spent')
        return { kind: 'refused', reason: reason('JournalFull', `${namespace} has its share of it`) };
      return { kind: 'obstructed', reason: reason('JournalFull'), retryMs: FULL_MS };
    } catch (error) {
      log.warn({ error, ...fieldsOf(restart) }, 'the journal could not be written, so nothing was restarted');
      const attempt: Attempt = {
        kind: 'obstructed',
        reason: reason('JournalUnwritable', wordsOf(error)),
      };
      // It may have been written all the same: left there, it would count as a restart that came to nothing.
      return isNotDone(error) ? attempt : this.#withdraw(restart, entry, attempt);
    }
  }

  /** False where the API server has stored the StatefulSet as it was before, so that nothing will happen. */
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

  /** Another writer was faster, or refused: then nothing happened. Without an answer, the journal stays open. */
  async #afterFailure(restart: Restart, entry: JournalEntry, error: unknown): Promise<Attempt> {
    const { log } = this.#options;
    if (isRefusal(error) || (isFinal(error) && !isGone(error))) {
      log.warn({ error, ...fieldsOf(restart) }, 'the restart was refused');
      const why = reason('RefusedByPolicy', wordsOf(error));
      return this.#withdraw(restart, entry, { kind: 'refused', reason: why });
    }
    if (isConflict(error) || isGone(error)) {
      const why = reason('RefusedByPolicy', `it changes again and again: ${wordsOf(error)}`);
      return this.#withdraw(restart, entry, { kind: 'conflict', reason: why });
    }
    if (isNotDone(error)) return this.#withdraw(restart, entry, { kind: 'changed', plan: undefined });
    log.warn({ error, ...fieldsOf(restart) }, 'a restart was not answered');
    return { kind: 'unanswered', error };
  }

  /** What surely did not happen is taken out of the journal; where that fails, it is found void later. */
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

/** What the quorum says that the caches could not know. */
function quorumHold({ holds }: GroupPlan, { validator }: Restart): Reason | undefined {
  const why = holds.get(validator.key);
  return why?.code === 'QuorumUnknown' || why?.code === 'QuorumMargin' ? why : undefined;
}

/**
 * True where the API server will say the same to the next try, whatever its code: missing rights, too large, malformed.
 * Tried again at once, such a validator would keep its whole group waiting.
 */
const isFinal = (error: unknown): boolean =>
  error instanceof KubeError &&
  error.status >= 400 &&
  error.status < 500 &&
  ![409, 429].includes(error.status);

/** True where another writer was faster: the pod, or the StatefulSet, is gone. */
const isGone = (error: unknown): boolean => error instanceof KubeError && error.status === 404;

const setRef = ({ validator: { namespace, name } }: Restart) => ({ resource: StatefulSets, namespace, name });

const ANNOTATIONS_PATH = '/spec/template/metadata/annotations';
export const RESTART_PATH = `${ANNOTATIONS_PATH}/${ANNOTATION_PEER_RESTART.replace('/', '~1')}`;

/**
 * The template's one annotation, on condition that nothing wrote in between: a resourceVersion that is set to the
 * one read makes the API server answer 409 if it has moved. JSON Patch cannot add below an object that is not
 * there, hence the two forms.
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
