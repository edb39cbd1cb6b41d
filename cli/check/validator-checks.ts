/** Checks whether each validator can be a peer and has what it needs, and how many restarts are wanted. Pure. */
import { rolloutSettings } from '../../app/settings.ts';
import { PEERS_CONFIGMAP, WEBHOOK_ENTRY } from '../../peers/names.ts';
import { oddAnnotations } from '../../peers/read/odd-annotations.ts';
import { isReadReplica } from '../../peers/read/read-replica.ts';
import { groupedReasons } from '../../peers/reasons/reason-groups.ts';
import type { Reason } from '../../peers/reasons/reasons.ts';
import { type Key, keyOf, type WebhookFacts } from '../../peers/world.ts';
import { planPublish } from '../../reconciler/plan/publish/publish.ts';
import { planServices } from '../../reconciler/plan/publish/services.ts';
import { titleOf } from '../annotate.ts';
import { durationOf, rolloutPlanOf, type Step } from '../commands/rollout-plan.ts';
import {
  type CategoryCheck,
  type CheckVerdict,
  counted,
  notYet,
  ok,
  problem,
  some,
  warning,
} from './check.ts';
import type { Facts } from './facts.ts';

/** Keys of the StatefulSets that run read replicas, found by their pods. */
const readReplicasIn = ({ world }: Facts): string[] => {
  const keys = [...world.pods.values()].map(({ namespace, ownerName = '' }) => keyOf(namespace, ownerName));
  return [...new Set(keys)].filter((key) => isReadReplica(world, key)).sort();
};

/** The sentences of these reasons. Validators with the same reason share one sentence, as in `status`. */
const reasonsText = (found: Iterable<readonly [Key, Reason]>): string =>
  groupedReasons(found)
    .map(({ subjects, sentence }) => `${some(subjects)}: ${sentence}`)
    .join(' ');

const planOf = ({ world, discovery, settings, nowMs }: Facts) =>
  planPublish(world, discovery, rolloutSettings(settings), nowMs);

function checkValidators(facts: Facts): CheckVerdict {
  const { world, discovery, when } = facts;
  const reports = [planOf(facts), planServices(world, discovery)].flatMap((plan) => [...plan.reports]);
  const wrong = [...discovery.skipped, ...(when === 'after' ? reports : [])].filter(
    ([, { code }]) => code !== 'Suspended',
  );
  if (wrong.length > 0) return problem(reasonsText(wrong));
  const odd = [...oddAnnotations(world)];
  if (odd.length > 0) return warning(reasonsText(odd));
  const count = [...discovery.groups.values()].flatMap(({ validators }) => validators).length;
  const replicas = readReplicasIn(facts);
  const beside = replicas.length === 0 ? '' : `; read replicas, left as they are: ${some(replicas)}`;
  return ok(`${counted(count, 'validator')} in ${counted(discovery.groups.size, 'network')}${beside}`);
}

function checkPublished(facts: Facts): CheckVerdict {
  const { world, discovery, settings } = facts;
  const { namespace: own } = settings;
  // The overview in our own namespace contains data that only the leader has, so it cannot be compared.
  const maps = planOf(facts)
    .configMaps.filter(({ namespace }) => namespace !== own || !world.configMaps.has(own))
    .map(({ namespace }) => `ConfigMap ${namespace}/${PEERS_CONFIGMAP}`);
  const services = planServices(world, discovery).create.map(
    ({ statefulSet: { namespace, serviceName } }) => `Service ${namespace}/${serviceName}`,
  );
  const late = [...maps, ...services];
  if (late.length > 0) return notYet(`missing, or not current: ${some(late)}`);
  return ok(`current in ${counted(discovery.activeIn.size, 'namespace')} with validators`);
}

const EVERYTHING = { matchLabels: {}, matchExpressions: [] };

/** A webhook that was created at this time and selects every pod: it shows which restarts an install would cause. */
const installedNow = (createdAtMs: number): WebhookFacts => ({
  version: '',
  createdAtMs,
  entries: [
    {
      ...{ name: WEBHOOK_ENTRY, takesPods: true, url: undefined, service: undefined, caBundle: '' },
      ...{ namespaceSelector: EVERYTHING, objectSelector: EVERYTHING, matchConditions: [] },
    },
  ],
});

function checkRestarts(facts: Facts): CheckVerdict {
  const { discovery, settings, nowMs, when } = facts;
  const webhook = facts.world.webhook ?? (when === 'before' ? installedNow(nowMs) : undefined);
  const world = { ...facts.world, webhook };
  const { holds, steps, paused, onResume } = rolloutPlanOf({ world, discovery, settings, nowMs });
  const waiting = holds.filter(([, { code }]) => code === 'AwaitingAdoption').length;
  const adoption = waiting === 0 ? '' : `; ${counted(waiting, 'validator')} to be adopted first`;
  if (paused.length > 0) {
    const now = steps.length === 0 ? '' : `${restartsText(steps)}; `;
    return warning(
      `${now}paused by ${some(paused.map(titleOf))}; on resume ${restartsText(onResume)}${adoption}`,
    );
  }
  return steps.length === 0 ? ok(`none${adoption}`) : warning(`${restartsText(steps)}${adoption}`);
}

function restartsText(steps: readonly Step[]): string {
  if (steps.length === 0) return 'none';
  const names = some(steps.map(({ node }) => node));
  return `${counted(steps.length, 'restart')}, one at a time, over in about ${durationOf(steps)}: ${names}`;
}

export const VALIDATOR_CHECKS: readonly CategoryCheck[] = [
  {
    id: 'validators',
    title: 'validators',
    looks:
      'StellarNodes of type Validator: whether each one can be read and be a peer, its annotations, and, after the install, its ConfigMap and its governing Service',
    hint: 'stellar-peers status shows what to do for each, with the command',
    needs: ['world'],
    evaluate: checkValidators,
  },
  {
    id: 'published',
    title: 'ConfigMaps, Services',
    looks:
      'ConfigMap `stellar-peers` of each namespace with validators, and the governing Service that each StatefulSet names: they exist, and the ConfigMap has the right content',
    hint: 'the log of the leader says why it does not write them: kubectl -n stellar-peers logs -l app.kubernetes.io/name=stellar-peers --prefix',
    when: 'after',
    needs: ['world'],
    evaluate: checkPublished,
  },
];

export const RESTART_CHECKS: readonly CategoryCheck[] = [
  {
    id: 'restarts',
    title: 'restarts wanted',
    looks:
      'how many restarts follow from the settings in force, or from those of `--set`; with `--pre`, from an install',
    hint: 'stellar-peers rollout plan says in which order and why; stellar-peers pause holds them, resume lets them go on',
    needs: ['world'],
    evaluate: checkRestarts,
  },
];
