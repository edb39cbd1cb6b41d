/**
 * `stellar-peers adopt`: lets pods that are older than the webhook be restarted, one at a time, so that they are
 * injected. It writes one annotation; the leader does the rest.
 */
import { ANNOTATION_ADOPT } from '../peers/names.ts';
import type { Key, World } from '../peers/world.ts';
import { planRollout } from '../reconciler/rollout.ts';
import { Namespaces, type ObjectRef, StellarNodes } from '../runtime/resources.ts';
import { agreed, annotate } from './annotate.ts';
import { type Asked, askCluster, rolloutInput } from './asked.ts';
import type { Call, Command } from './command.ts';
import { EXIT, type ExitCode, ProblemError, UsageError } from './exit.ts';
import { CLUSTER_FLAGS } from './flags.ts';
import { openSession } from './session.ts';

export const adoptCommand: Command = {
  name: 'adopt',
  synopsis: 'NAME… -n NS',
  summary: 'let pods that are older than the webhook be restarted, one at a time',
  details:
    'Validators that ran before stellar-peers was installed are not restarted by it. Adopting one lets it be: one ' +
    'annotation is written, and the leader restarts it as it restarts any other, one at a time and never below quorum.',
  args: { min: 0, max: Number.POSITIVE_INFINITY },
  flags: ['namespace', 'all', 'yes', ...CLUSTER_FLAGS],
  formats: [],
  run: runAdopt,
};

async function runAdopt(call: Call): Promise<ExitCode> {
  const { args: names, flags, terminal } = call;
  const { namespace, all = false } = flags;
  if (namespace === undefined) throw new UsageError('adopt needs a namespace: -n NAMESPACE');
  if (all === names.length > 0) throw new UsageError('adopt needs names of StellarNodes, or --all');
  const session = await openSession(call);
  const plan = planAdoption(await askCluster(session), { namespace, names });
  if (plan.unknown.length > 0) throw new ProblemError(`no such validator: ${plan.unknown.join(', ')}`);
  if (!(await agreed(adoptionText(plan), call))) return EXIT.problem;
  await annotate(session.kube, plan.refs, { name: ANNOTATION_ADOPT, value: 'now' });
  for (const { resource, name } of plan.refs) terminal.print(`${resource.kind} ${name} adopted\n`);
  return EXIT.ok;
}

/** Whom to adopt: named StellarNodes of a namespace, or all of it. */
export interface Adoption {
  readonly namespace: string;
  readonly names: readonly string[];
}

/** What adopting would do: the objects that are annotated, and the validators that are restarted because of it. */
export interface AdoptionPlan {
  readonly refs: readonly ObjectRef[];
  readonly affected: readonly Key[];
  /** StellarNodes that were named and are none, or no validators. */
  readonly unknown: readonly Key[];
}

/** What adopting would do now. Pure. */
export function planAdoption(asked: Asked, { namespace, names }: Adoption): AdoptionPlan {
  const waiting = [...planRollout(rolloutInput(asked)).values()]
    .flatMap(({ holds }) => [...holds])
    .filter(([key, { code }]) => code === 'AwaitingAdoption' && key.startsWith(`${namespace}/`))
    .map(([key]) => key);
  if (names.length === 0) {
    return { refs: [{ resource: Namespaces, name: namespace }], affected: waiting, unknown: [] };
  }
  const keys = names.map((name) => `${namespace}/${name}`);
  const unknown = keys.filter((key) => !isValidator(asked.world, key));
  const refs = names.map((name) => ({ resource: StellarNodes, namespace, name }));
  return { refs, affected: waiting.filter((key) => keys.includes(key)), unknown };
}

const isValidator = (world: World, key: Key): boolean => world.nodes.get(key)?.kind === 'validator';

/** What is about to happen, for whoever has to agree. */
export function adoptionText({ refs, affected }: AdoptionPlan): string {
  const objects = refs.map(({ resource, name }) => `${resource.kind} ${name}`).join(', ');
  const validators =
    affected.length === 0
      ? 'No running validator waits for it now.'
      : `To be restarted, one at a time and under all the usual conditions: ${affected.join(', ')}.`;
  return `${ANNOTATION_ADOPT}=now goes on ${objects}.\n${validators}`;
}
