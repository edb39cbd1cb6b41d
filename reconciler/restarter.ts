/**
 * Carries out one restart: live reads, the plan once more on them, the journal, then the one write.
 * A crash between any two steps is safe: what is open in the journal is closed by whoever leads next.
 */
import type { Discovery } from '../peers/discover.ts';
import { ANNOTATION_PEER_FENCE, ANNOTATION_PEER_RESTART, FENCE_FIELD_MANAGER } from '../peers/names.ts';
import { readStatefulSet } from '../peers/read-workload.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import type { World } from '../peers/world.ts';
import type { Clock } from '../runtime/clock.ts';
import { isConflict, isRefusal, type Kube, type PatchOperation, wordsOf } from '../runtime/kube.ts';
import type { LiveWorld } from '../runtime/live.ts';
import type { Log } from '../runtime/log.ts';
import { Pods, StatefulSets } from '../runtime/resources.ts';
import type { Entry } from './journal.ts';
import type { JournalStore } from './journal-store.ts';
import { isToBeDefused } from './outcome.ts';
import { type GroupPlan, planGroup, type Restart, type RolloutInput } from './rollout.ts';

export interface RestarterOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: JournalStore;
  readonly readLive: () => Promise<LiveWorld>;
  readonly discover: (world: World) => Discovery;
  /** Why the webhook would not inject a pod that came now; undefined if it would. */
  readonly probe: (world: World) => Promise<Reason | undefined>;
  /** False once another replica may lead. */
  readonly mayWrite: () => boolean;
}

/** What became of an attempt: begun, or not and why. */
export type Attempt =
  | { readonly kind: 'begun'; readonly restart: Restart }
  | { readonly kind: 'refused'; readonly reason: Reason }
  /** The live plan differs from the cached one: look again. */
  | { readonly kind: 'changed'; readonly plan: GroupPlan | undefined };

export class Restarter {
  readonly #options: RestarterOptions;

  constructor(options: RestarterOptions) {
    this.#options = options;
  }

  /**
   * Tries to begin `wanted`, planned on caches. Rejects with KubeError where the API server fails; then nothing
   * was begun, or the journal says that it may have been.
   */
  async attempt(
    wanted: Restart,
    inputFor: (world: World, discovery: Discovery) => RolloutInput,
  ): Promise<Attempt> {
    const { discover, probe, readLive } = this.#options;
    const live = await readLive();
    const discovery = discover(live.world);
    const group = discovery.groups.get(wanted.group);
    if (!group) return { kind: 'changed', plan: undefined };
    const plan = planGroup(group, inputFor(live.world, discovery));
    const { restart } = plan;
    if (restart?.token !== wanted.token || restart.statefulSet !== wanted.statefulSet) {
      return { kind: 'changed', plan };
    }
    const unanswered = await probe(live.world);
    if (unanswered) return { kind: 'refused', reason: unanswered };
    return this.#begin(restart, live, plan);
  }

  async #begin(restart: Restart, live: LiveWorld, plan: GroupPlan): Promise<Attempt> {
    const { clock, journal, log, mayWrite } = this.#options;
    if (!mayWrite()) return { kind: 'changed', plan };
    const entry = entryOf(restart, clock.nowMs());
    const opened = await journal.open(restart.group, entry, live.version(journal.ref));
    if (!opened) return { kind: 'changed', plan };
    if (!mayWrite()) return this.#withdraw(restart, entry, { kind: 'changed', plan });
    log.info(fieldsOf(restart), 'restarting a validator');
    try {
      await this.#write(restart, live);
      return { kind: 'begun', restart };
    } catch (error) {
      return this.#afterFailure(restart, entry, error);
    }
  }

  async #write(restart: Restart, live: LiveWorld): Promise<void> {
    const { kube } = this.#options;
    const { namespace, name } = restart.validator;
    if (restart.kind === 'bump') {
      const annotations = live.world.statefulSets.get(restart.statefulSet)?.template.annotations ?? {};
      const ref = { resource: StatefulSets, namespace, name };
      const version = live.version(ref) ?? '';
      await kube.patch(ref, bumpPatch(restart.token, version, Object.keys(annotations).length > 0));
      return;
    }
    for (const pod of restart.pods) {
      const ref = { resource: Pods, namespace, name: pod.name };
      await kube.delete(ref, { uid: pod.uid, resourceVersion: live.version(ref) ?? '' });
    }
  }

  /** Somebody was faster, or refused: then nothing happened. Without an answer, the journal stays open. */
  async #afterFailure(restart: Restart, entry: Entry, error: unknown): Promise<Attempt> {
    const { log } = this.#options;
    if (isRefusal(error)) {
      log.warn({ error, ...fieldsOf(restart) }, 'the restart was refused');
      const why = reason('RefusedByPolicy', wordsOf(error));
      return this.#withdraw(restart, entry, { kind: 'refused', reason: why });
    }
    if (isConflict(error)) return this.#withdraw(restart, entry, { kind: 'changed', plan: undefined });
    throw error;
  }

  /**
   * Takes a bump back that has done nothing yet, if it is still to be, on condition that nobody wrote in between.
   * True if it was taken back. Rejects with KubeError where the API server fails.
   */
  async defuse(group: string, entry: Entry): Promise<boolean> {
    const { journal, kube, log, mayWrite, readLive } = this.#options;
    const live = await readLive();
    if (!mayWrite() || !isToBeDefused(entry, live.world)) return false;
    const [namespace = '', name = ''] = entry.statefulSet.split('/');
    const ref = { resource: StatefulSets, namespace, name };
    await kube.patch(ref, defusePatch(entry.before, live.version(ref) ?? ''));
    log.info({ group, statefulSet: entry.statefulSet }, 'a restart was taken back: its pod is not Ready');
    await journal.close(group, [{ entry, outcome: 'defused' }]);
    return true;
  }

  /**
   * Makes sure that a bump which has left no trace leaves none any more: its request, held up somewhere, is on condition
   * of a version that this changes. False if it has come through before. Rejects with KubeError where the API server
   * fails.
   */
  async fence(entry: Entry, world: World): Promise<boolean> {
    const statefulSet = world.statefulSets.get(entry.statefulSet);
    if (!statefulSet || entry.kind !== 'bump') return true;
    const { namespace, name, uid } = statefulSet;
    const ref = { resource: StatefulSets, namespace, name };
    const annotations = { [ANNOTATION_PEER_FENCE]: `${entry.token} ${entry.atMs}` };
    const metadata = { name, namespace, uid, annotations };
    const fenced = await this.#options.kube.apply(ref, { metadata }, { manager: FENCE_FIELD_MANAGER });
    return readStatefulSet(fenced).restartToken !== entry.token;
  }

  async #withdraw<A extends Attempt>(restart: Restart, entry: Entry, attempt: A): Promise<A> {
    await this.#options.journal.close(restart.group, [{ entry, outcome: 'void' }]);
    return attempt;
  }
}

const ANNOTATIONS_PATH = '/spec/template/metadata/annotations';
const RESTART_PATH = `${ANNOTATIONS_PATH}/${ANNOTATION_PEER_RESTART.replace('/', '~1')}`;

/**
 * The template's one annotation, on condition that nobody wrote in between: a resourceVersion that is set to the
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

/** The annotation as it was before the bump. */
const defusePatch = (before: string | undefined, resourceVersion: string): PatchOperation[] => [
  { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
  before === undefined
    ? { op: 'remove', path: RESTART_PATH }
    : { op: 'replace', path: RESTART_PATH, value: before },
];

const entryOf = (restart: Restart, atMs: number): Entry => ({
  ...(restart.before === undefined ? {} : { before: restart.before }),
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
