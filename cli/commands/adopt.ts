/**
 * `stellar-peers adopt`: lets pods that are older than the webhook be restarted, one at a time, so that they are
 * injected. It writes one annotation; the leader does the rest.
 */
import { ANNOTATION_ADOPT } from '../../peers/names.ts';
import type { Key, World } from '../../peers/world.ts';
import { planRollout } from '../../reconciler/plan/restarts/rollout.ts';
import { Namespaces, type ObjectRef, StellarNodes } from '../../runtime/kube/resources.ts';
import { annotate, isConfirmed, titleOf } from '../annotate.ts';
import { some } from '../check/check.ts';
import type { Call, Command } from '../command.ts';
import { EXIT, type ExitCode, ProblemError, UsageError } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { openSession } from '../session.ts';
import { type ClusterSnapshot, readCluster, rolloutInput } from '../snapshot.ts';
import { pausesOf } from './pauses.ts';
import { quorumLines, quorumTexts } from './quorum-says.ts';

export const adoptCommand: Command = {
  name: 'adopt',
  synopsis: 'NAME… [-n NS]',
  summary: 'let pods that are older than the webhook be restarted, one at a time',
  details:
    'Validators that ran before stellar-peers was installed are not restarted by it. Adopting one lets it be: one ' +
    'annotation is written, and the leader restarts it as it restarts any other, one at a time and never below quorum. ' +
    "Without -n the namespace is that of the kubeconfig's context; --all needs -n.",
  args: { min: 0, max: Number.POSITIVE_INFINITY },
  flags: ['namespace', 'all', 'yes', ...CLUSTER_FLAGS],
  formats: [],
  run: runAdopt,
};

async function runAdopt(call: Call): Promise<ExitCode> {
  const { args: names, flags, terminal } = call;
  const { all = false } = flags;
  if (all && flags.namespace === undefined)
    throw new UsageError('adopt --all needs a namespace: -n NAMESPACE');
  if (all === names.length > 0) throw new UsageError('adopt needs names of StellarNodes, or --all');
  const session = await openSession(call);
  const namespace = flags.namespace ?? session.contextNamespace;
  const plan = planAdoption(await readCluster(session), { namespace, names });
  if (plan.unknown.length > 0) throw new ProblemError(`no such validator: ${plan.unknown.join(', ')}`);
  if (!(await isConfirmed(adoptionText(plan), call, session.where))) return EXIT.problem;
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
  /** What the quorum sets say of each of these restarts now. */
  readonly quorum: ReadonlyMap<Key, string>;
  /** What pauses one of them. */
  readonly paused: readonly ObjectRef[];
  /** StellarNodes that were named and are none, or no validators. */
  readonly unknown: readonly Key[];
}

/** What adopting would do now. Pure. */
export function planAdoption(snapshot: ClusterSnapshot, { namespace, names }: Adoption): AdoptionPlan {
  const waiting = [...planRollout(rolloutInput(snapshot)).values()]
    .flatMap(({ holds }) => [...holds])
    .filter(([key, { code }]) => code === 'AwaitingAdoption' && key.startsWith(`${namespace}/`))
    .map(([key]) => key);
  const keys = names.map((name) => `${namespace}/${name}`);
  const affected = names.length === 0 ? waiting : waiting.filter((key) => keys.includes(key));
  return {
    refs:
      names.length === 0
        ? [{ resource: Namespaces, name: namespace }]
        : names.map((name) => ({ resource: StellarNodes, namespace, name })),
    affected,
    quorum: quorumTexts(affected, snapshot),
    paused: pausesOf(affected, snapshot),
    unknown: keys.filter((key) => !isValidator(snapshot.world, key)),
  };
}

const isValidator = (world: World, key: Key): boolean => world.nodes.get(key)?.kind === 'validator';

/** What is about to happen, for the person who has to agree. */
export function adoptionText({ refs, affected, quorum, paused }: AdoptionPlan): string {
  const objects = refs.map(({ resource, name }) => `${resource.kind} ${name}`).join(', ');
  const validators =
    affected.length === 0
      ? 'No running validator waits for it now.'
      : `To be restarted, one at a time and under all the usual conditions: ${affected.join(', ')}.`;
  const pause =
    paused.length === 0 ? [] : [`Paused by ${some(paused.map(titleOf))}: none before that is resumed.`];
  return [`${ANNOTATION_ADOPT}=now goes on ${objects}.`, validators, ...pause, ...quorumLines(quorum)].join(
    '\n',
  );
}
