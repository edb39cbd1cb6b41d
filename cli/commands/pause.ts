/**
 * `stellar-peers pause` and `resume`: set and remove one annotation that stops all restarts that have not begun. It is on
 * our ConfigMap (for everything), on a Namespace or on single validators. The leader reads it live before each restart.
 */
import { ANNOTATION_ROLLOUT, PAUSED } from '../../peers/names.ts';
import type { Key } from '../../peers/world.ts';
import { everyOpen } from '../../reconciler/plan/journal/group-journal.ts';
import type { JournalEntry } from '../../reconciler/plan/journal/journal.ts';
import { isUntouchedBump, isWithoutTrace } from '../../reconciler/plan/restarts/outcome.ts';
import { updateStrategyOf } from '../../reconciler/plan/restarts/update-strategy.ts';
import { Namespaces, type ObjectRef } from '../../runtime/kube/resources.ts';
import { annotate, isConfirmed, titleOf, validatorRefs } from '../annotate.ts';
import { counted, some } from '../check/check.ts';
import type { Call, Command } from '../command.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { openSession } from '../session.ts';
import { type ClusterSnapshot, readCluster } from '../snapshot.ts';
import { everythingOf, isWithin, rolloutOn, withRolloutOn } from './pauses.ts';
import { quorumLines, quorumTexts } from './quorum-says.ts';
import { forecastsOf, inOrder } from './rollout-plan.ts';

const SHARED = {
  synopsis: '[NAME…] [-n NS]',
  args: { min: 0, max: Number.POSITIVE_INFINITY },
  flags: ['namespace', 'yes', ...CLUSTER_FLAGS],
} as const;
const REACH =
  "Without NAME and -n, applies to everything; with -n, to one namespace; with NAME, to these validators, in the namespace of -n or of the kubeconfig's context.";

export const pauseCommand: Command = {
  ...SHARED,
  name: 'pause',
  summary: 'hold every restart that has not begun',
  details: `${REACH} A restart that has replaced no pod yet is taken back. Publishing and injection go on.`,
  run: (call) => change(call, PAUSED),
};

export const resumeCommand: Command = {
  ...SHARED,
  name: 'resume',
  summary: 'allow restarts again after a pause',
  details: `${REACH} A pause on another object, such as the Namespace of a validator, still holds.`,
  run: (call) => change(call, undefined),
};

async function change(call: Call, value: typeof PAUSED | undefined): Promise<ExitCode> {
  const { args: names, flags, terminal } = call;
  const session = await openSession(call);
  const snapshot = await readCluster(session);
  const namespace = flags.namespace ?? (names.length > 0 ? session.contextNamespace : undefined);
  const refs = refsOf(snapshot, { namespace, names });
  const plan = planPause(snapshot, refs, value);
  if (plan.refs.length === 0) {
    for (const line of plan.notes) terminal.say(line);
    return EXIT.ok;
  }
  if (!(await isConfirmed(pauseText(plan, value), call, session.where))) return EXIT.problem;
  await annotate(session.kube, plan.refs, { name: ANNOTATION_ROLLOUT, value });
  for (const ref of plan.refs) terminal.print(`${titleOf(ref)} ${value ?? 'resumed'}\n`);
  return EXIT.ok;
}

interface Reach {
  readonly namespace: string | undefined;
  readonly names: readonly string[];
}

/** The objects whose annotation is to change. Throws ProblemError for a name that no validator has. */
export function refsOf(snapshot: ClusterSnapshot, { namespace, names }: Reach): ObjectRef[] {
  if (namespace === undefined) return [everythingOf(snapshot)];
  if (names.length === 0) return [{ resource: Namespaces, name: namespace }];
  return validatorRefs(snapshot.world, namespace, names);
}

type PausePlan = ReturnType<typeof planPause>;

/** Plans the change of the annotation to `value`. Pure. */
export function planPause(snapshot: ClusterSnapshot, refs: readonly ObjectRef[], value: string | undefined) {
  const { world, discovery } = snapshot;
  const isResume = value === undefined;
  const now = (ref: ObjectRef) => rolloutOn(world, ref);
  // `resume` removes only a pause, and leaves a strategy.
  const changed = refs.filter((ref) => (isResume ? now(ref) === PAUSED : now(ref) !== value));
  const validators = [...discovery.groupOf.keys()].filter((key) => refs.some((ref) => isWithin(key, ref)));
  const inReach = (keys: readonly Key[]): Key[] => keys.filter((key) => validators.includes(key));
  const after = withRolloutOn(snapshot, changed, value);
  const forecasts = forecastsOf(isResume ? after : snapshot);
  const wanted = inReach(inOrder(forecasts).map(({ node }) => node));
  // The steps of the forecast leave out validators whose restart the quorum sets forbid.
  const waiting = inReach(forecasts.flatMap(({ holds }) => [...holds.keys()]));
  const keysOf = (entries: readonly JournalEntry[]) => inReach(entries.map(({ statefulSet }) => statefulSet));
  const open = everyOpen(world.journal);
  const isUntouched = (entry: JournalEntry) => isUntouchedBump(entry, world) || isWithoutTrace(entry, world);
  const untouched = isResume ? [] : open.filter(isUntouched);
  return {
    /** The objects whose annotation is not `value` yet. */
    refs: changed,
    notes: refs.flatMap((ref) => noteOn(ref, now(ref), value)),
    validators,
    /** Of `validators`, those that the leader wants to restart, in its order: now (for `pause`), or after the resume. */
    wanted,
    quorum: quorumTexts(isResume ? [...new Set([...wanted, ...waiting])] : [], after),
    /** Restarts that have replaced no pod yet: during a pause the leader takes them back. Empty for a resume. */
    untouched: keysOf(untouched),
    /** All other restarts that have begun. */
    underWay: keysOf(open.filter((entry) => !untouched.includes(entry))),
    /** Of `validators`, those that another pause still holds after the resume. */
    stillHeld: isResume ? validators.filter((key) => isHeld(key, after)) : [],
  };
}

function isHeld(key: Key, { world, settings }: ClusterSnapshot): boolean {
  const reading = world.nodes.get(key);
  return (
    reading?.kind === 'validator' &&
    updateStrategyOf(reading.validator, world, settings.namespace).kind === 'hold'
  );
}

function noteOn(ref: ObjectRef, now: string | undefined, value: string | undefined): string[] {
  const title = titleOf(ref);
  if (now === value) return [`${title} is ${value === undefined ? 'not paused' : 'paused already'}.`];
  if (now === undefined || now === PAUSED) return [];
  return value === undefined
    ? [`${title} is not paused: it has ${ANNOTATION_ROLLOUT}=${now}.`]
    : [`${title} has ${ANNOTATION_ROLLOUT}=${now} now, which resume will not bring back.`];
}

/** Says what is about to happen, for the person who must agree. */
export function pauseText(plan: PausePlan, value: string | undefined): string {
  const { refs, notes, validators, wanted, quorum, untouched, underWay, stillHeld } = plan;
  const objects = refs.map(titleOf).join(', ');
  const names = validators.length === 0 ? '' : ` (${some(validators)})`;
  const count = `${counted(validators.length, 'validator')}${names}`;
  const what =
    value === undefined
      ? `${ANNOTATION_ROLLOUT} is removed from ${objects}: ${count} may be restarted again, under all the usual conditions.`
      : `${ANNOTATION_ROLLOUT}=${value} is set on ${objects}: we restart none of ${count} before you resume it.`;
  const when =
    value === undefined ? 'To be restarted then' : 'Restarts wanted now, which the pause will hold';
  return [
    what,
    ...notes,
    wanted.length === 0 ? 'No restart is wanted now.' : `${when}: ${wanted.join(', ')}.`,
    ...quorumLines(quorum),
    ...named(untouched, (keys) => `Begun, and no pod is replaced yet: ${keys}. ${TAKEN_BACK}`),
    ...named(
      underWay,
      (keys) => `Under way${value === undefined ? '' : '; Kubernetes will finish'}: ${keys}.`,
    ),
    ...named(stillHeld, (keys) => `Still held by an annotation on another object: ${keys}.`),
  ].join('\n');
}

const TAKEN_BACK = 'The leader takes such a restart back, unless Kubernetes replaces a pod first.';

const named = (keys: readonly Key[], sentence: (keys: string) => string): string[] =>
  keys.length === 0 ? [] : [sentence(keys.join(', '))];
