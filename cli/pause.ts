/**
 * `stellar-peers pause` and `resume`: one annotation that holds every restart that has not begun, of everything, of a
 * namespace or of single validators. The leader reads it live before each restart.
 */
import { ANNOTATION_ROLLOUT, PEERS_CONFIGMAP } from '../peers/names.ts';
import { type Key, keyOf, type NodeReading, type World } from '../peers/world.ts';
import { openEntries, readJournal } from '../reconciler/journal.ts';
import { strategyOf } from '../reconciler/strategy.ts';
import { ConfigMaps, Namespaces, type ObjectRef, StellarNodes } from '../runtime/resources.ts';
import { agreed, annotate, titleOf } from './annotate.ts';
import { type Asked, askCluster, askedOf } from './asked.ts';
import type { Call, Command } from './command.ts';
import { EXIT, type ExitCode, ProblemError, UsageError } from './exit.ts';
import { CLUSTER_FLAGS } from './flags.ts';
import { forecastsOf, inOrder } from './rollout-plan.ts';
import { openSession } from './session.ts';

const PAUSED = 'paused';
const SHARED = {
  synopsis: '[NAME…] [-n NS]',
  args: { min: 0, max: Number.POSITIVE_INFINITY },
  flags: ['namespace', 'yes', ...CLUSTER_FLAGS],
  formats: [],
} as const;
const REACH =
  'Without names and -n it is about everything, with -n about one namespace, with names and -n about these validators.';

export const pauseCommand: Command = {
  ...SHARED,
  name: 'pause',
  summary: 'hold every restart that has not begun',
  details: `${REACH} What has begun is finished by Kubernetes. Publishing and injection go on.`,
  run: (call) => change(call, PAUSED),
};

export const resumeCommand: Command = {
  ...SHARED,
  name: 'resume',
  summary: 'let restarts go on that were paused',
  details: `${REACH} A pause that stands elsewhere, as on the namespace of a validator, goes on holding.`,
  run: (call) => change(call, undefined),
};

async function change(call: Call, value: typeof PAUSED | undefined): Promise<ExitCode> {
  const { args: names, flags, terminal } = call;
  if (names.length > 0 && flags.namespace === undefined)
    throw new UsageError('validators are named with their namespace: -n NAMESPACE');
  const session = await openSession(call);
  const asked = await askCluster(session);
  const refs = refsOf(asked, { namespace: flags.namespace, names });
  const plan = planPause(asked, refs, value);
  if (plan.refs.length === 0) {
    for (const line of plan.remarks) terminal.say(line);
    return EXIT.ok;
  }
  if (!(await agreed(pauseText(plan, value), call))) return EXIT.problem;
  await annotate(session.kube, plan.refs, { name: ANNOTATION_ROLLOUT, value });
  for (const ref of plan.refs) terminal.print(`${titleOf(ref)} ${value ?? 'resumed'}\n`);
  return EXIT.ok;
}

interface Reach {
  readonly namespace: string | undefined;
  readonly names: readonly string[];
}

/** The objects whose annotation it is about. Throws ProblemError for a name that is no validator's. */
export function refsOf({ world, settings }: Asked, { namespace, names }: Reach): ObjectRef[] {
  if (namespace === undefined)
    return [{ resource: ConfigMaps, namespace: settings.namespace, name: PEERS_CONFIGMAP }];
  if (names.length === 0) return [{ resource: Namespaces, name: namespace }];
  const unknown = names
    .map((name) => keyOf(namespace, name))
    .filter((key) => world.nodes.get(key)?.kind !== 'validator');
  if (unknown.length > 0) throw new ProblemError(`no such validator: ${unknown.join(', ')}`);
  return names.map((name) => ({ resource: StellarNodes, namespace, name }));
}

export interface PausePlan {
  /** Those that are not yet as wanted. */
  readonly refs: readonly ObjectRef[];
  /** What is to be known of the others, and of values that go. */
  readonly remarks: readonly string[];
  /** Validators in reach. */
  readonly validators: readonly Key[];
  /** Of those, whom the leader wants to restart, in its order: now for a pause, afterwards for the end of one. */
  readonly wanted: readonly Key[];
  readonly underWay: readonly Key[];
  /** Of those, who is held by another pause all the same, after the end of one. */
  readonly stillHeld: readonly Key[];
}

/** What would come of setting the annotation to `value`. Pure. */
export function planPause(asked: Asked, refs: readonly ObjectRef[], value: string | undefined): PausePlan {
  const { world, discovery, settings, nowMs } = asked;
  const now = (ref: ObjectRef) => rolloutOn(world, ref);
  // A strategy is no pause, and no business of resume.
  const changed = refs.filter((ref) => (value === undefined ? now(ref) === PAUSED : now(ref) !== value));
  const validators = [...discovery.groupOf.keys()].filter((key) => refs.some((ref) => isWithin(key, ref)));
  const after = askedOf(withRollout(world, changed, value), settings, nowMs);
  const steps = inOrder(forecastsOf(value === undefined ? after : asked));
  const inReach = new Set(validators);
  return {
    refs: changed,
    remarks: refs.flatMap((ref) => remarkOn(ref, now(ref), value)),
    validators,
    wanted: steps.map(({ node }) => node).filter((key) => inReach.has(key)),
    underWay: [...discovery.groups.keys()]
      .flatMap((group) => openEntries(readJournal(world.journal, group) ?? []))
      .map(({ statefulSet }) => statefulSet)
      .filter((key) => inReach.has(key)),
    stillHeld: validators.filter((key) => isHeld(key, after)),
  };
}

function isHeld(key: Key, { world, settings }: Asked): boolean {
  const reading = world.nodes.get(key);
  return (
    reading?.kind === 'validator' && strategyOf(reading.validator, world, settings.namespace).kind === 'hold'
  );
}

function isWithin(key: Key, { resource, namespace, name }: ObjectRef): boolean {
  if (resource === ConfigMaps) return true;
  return resource === Namespaces ? key.startsWith(`${name}/`) : key === keyOf(namespace ?? '', name);
}

function remarkOn(ref: ObjectRef, now: string | undefined, value: string | undefined): string[] {
  const title = titleOf(ref);
  if (now === value) return [`${title} is ${value === undefined ? 'not paused' : 'paused already'}.`];
  if (now === undefined || now === PAUSED) return [];
  return value === undefined
    ? [`${title} is not paused: it has ${ANNOTATION_ROLLOUT}=${now}.`]
    : [`${title} has ${ANNOTATION_ROLLOUT}=${now} now, which resume will not bring back.`];
}

function rolloutOn(world: World, { resource, namespace, name }: ObjectRef): string | undefined {
  if (resource === ConfigMaps) return world.configMaps.get(namespace ?? '')?.rollout;
  if (resource === Namespaces) return world.namespaces.get(name)?.rollout;
  const reading = world.nodes.get(keyOf(namespace ?? '', name));
  return reading?.kind === 'validator' ? reading.validator.rollout : undefined;
}

/** The World as it would be with the annotation on these objects. */
function withRollout(world: World, refs: readonly ObjectRef[], rollout: string | undefined): World {
  const configMaps = new Map(world.configMaps);
  const namespaces = new Map(world.namespaces);
  const nodes = new Map<Key, NodeReading>(world.nodes);
  for (const { resource, namespace = '', name } of refs) {
    const map = configMaps.get(namespace);
    const space = namespaces.get(name);
    const node = nodes.get(keyOf(namespace, name));
    if (resource === ConfigMaps && map) configMaps.set(namespace, { ...map, rollout });
    else if (resource === Namespaces && space) namespaces.set(name, { ...space, rollout });
    else if (node?.kind === 'validator') {
      nodes.set(keyOf(namespace, name), { ...node, validator: { ...node.validator, rollout } });
    }
  }
  const { journal, external, webhook } = world;
  return { ...world, journal, external, webhook, configMaps, namespaces, nodes };
}

/** What is about to happen, for whoever has to agree. */
export function pauseText(plan: PausePlan, value: string | undefined): string {
  const { refs, remarks, validators, wanted, underWay, stillHeld } = plan;
  const objects = refs.map(titleOf).join(', ');
  const count = validators.length === 1 ? '1 validator' : `${validators.length} validators`;
  const what =
    value === undefined
      ? `${ANNOTATION_ROLLOUT} goes from ${objects}: ${count} may be restarted again, under all the usual conditions.`
      : `${ANNOTATION_ROLLOUT}=${value} goes on ${objects}: none of ${count} is restarted by us until that is resumed.`;
  const when = value === undefined ? 'To be restarted then' : 'To be restarted now, and held from now on';
  return [
    what,
    ...remarks,
    wanted.length === 0 ? 'No restart is wanted now.' : `${when}: ${wanted.join(', ')}.`,
    ...(underWay.length === 0 ? [] : [`Under way, and finished by Kubernetes: ${underWay.join(', ')}.`]),
    ...(value === undefined && stillHeld.length > 0
      ? [`Still held by what stands elsewhere: ${stillHeld.join(', ')}.`]
      : []),
  ].join('\n');
}
