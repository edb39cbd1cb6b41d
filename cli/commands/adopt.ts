/** `stellar-peers adopt`: one annotation lets pods that are older than the webhook be restarted, one at a time. */
import { ANNOTATION_ADOPT } from '../../peers/names.ts';
import { planRollout } from '../../reconciler/plan/restarts/rollout.ts';
import { Namespaces } from '../../runtime/kube/resources.ts';
import { annotate, isConfirmed, titleOf, validatorRefs } from '../annotate.ts';
import { some } from '../check/check.ts';
import type { Call, Command } from '../command.ts';
import { EXIT, type ExitCode, UsageError } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { openSession } from '../session.ts';
import { type ClusterSnapshot, readCluster, rolloutInput } from '../snapshot.ts';
import { pausesOf } from './pauses.ts';
import { quorumLines, quorumTexts } from './quorum-says.ts';

export const adoptCommand: Command = {
  name: 'adopt',
  synopsis: 'NAME… [-n NS]',
  summary: 'allow the restart of validators that are older than the webhook, one at a time',
  details:
    'Installing stellar-peers restarts no validator that runs already. To adopt a validator is to allow its restart: one ' +
    'annotation is written, and the leader restarts the validator as it restarts any other, one at a time and ' +
    "never below quorum. Without -n the namespace is that of the kubeconfig's context; --all needs -n.",
  args: { min: 0, max: Number.POSITIVE_INFINITY },
  flags: ['namespace', 'all', 'yes', ...CLUSTER_FLAGS],
  run: runAdopt,
};

async function runAdopt(call: Call): Promise<ExitCode> {
  const { args: names, flags, terminal } = call;
  const { all = false } = flags;
  if (all && flags.namespace === undefined)
    throw new UsageError('adopt --all needs a namespace: -n NAMESPACE');
  if (all && names.length > 0) throw new UsageError('adopt takes names of StellarNodes or --all, not both');
  if (!all && names.length === 0) throw new UsageError('adopt needs names of StellarNodes, or --all');
  const session = await openSession(call);
  const namespace = flags.namespace ?? session.contextNamespace;
  const plan = planAdoption(await readCluster(session), { namespace, names });
  if (!(await isConfirmed(adoptionText(plan), call, session.where))) return EXIT.problem;
  await annotate(session.kube, plan.refs, { name: ANNOTATION_ADOPT, value: 'now' });
  for (const { resource, name } of plan.refs) terminal.print(`${resource.kind} ${name} adopted\n`);
  return EXIT.ok;
}

/** Plans the adoption of the named StellarNodes of a namespace, or of all its StellarNodes. Pure. */
export function planAdoption(
  snapshot: ClusterSnapshot,
  { namespace, names }: { readonly namespace: string; readonly names: readonly string[] },
) {
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
        : validatorRefs(snapshot.world, namespace, names),
    affected,
    quorum: quorumTexts(affected, snapshot),
    paused: pausesOf(affected, snapshot),
  };
}

/** Says what is about to happen, for the person who must agree. */
export function adoptionText({ refs, affected, quorum, paused }: ReturnType<typeof planAdoption>): string {
  const objects = refs.map(({ resource, name }) => `${resource.kind} ${name}`).join(', ');
  const validators =
    affected.length === 0
      ? 'No running validator waits to be adopted now.'
      : `To be restarted, one at a time and under all the usual conditions: ${affected.join(', ')}.`;
  const pause =
    paused.length === 0
      ? []
      : [`Paused by ${some(paused.map(titleOf))}: nothing is restarted before that pause is resumed.`];
  return [`${ANNOTATION_ADOPT}=now is set on ${objects}.`, validators, ...pause, ...quorumLines(quorum)].join(
    '\n',
  );
}
