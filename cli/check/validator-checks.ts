/**
 * Checks of the validators: whether stellar-peers has made their ConfigMaps and Services, whether budgets allow their
 * restarts, and how many restarts are wanted. Pure.
 */

import { rolloutSettings } from '../../app/settings.ts';
import { matchesSelector } from '../../peers/injection/selectors.ts';
import { WEBHOOK_ENTRY } from '../../peers/names.ts';
import { oddAnnotations } from '../../peers/read/odd-annotations.ts';
import { isReadReplica } from '../../peers/read/read-replica.ts';
import { groupedReasons } from '../../peers/reasons/reason-groups.ts';
import { describeReason } from '../../peers/reasons/reasons.ts';
import { keyOf, type PdbFacts, type WebhookFacts } from '../../peers/world.ts';
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
import { type Facts, WORLD_SOURCES } from './facts.ts';
import { type Placed, placedOf } from './validators.ts';

const NO_VALIDATORS = 'there are no validators';

/** Keys of the StatefulSets that run read replicas, found by their pods. */
const readReplicasIn = ({ world }: Facts): string[] => {
  const keys = [...world.pods.values()].map(({ namespace, ownerName = '' }) => keyOf(namespace, ownerName));
  return [...new Set(keys)].filter((key) => isReadReplica(world, key)).sort();
};

function checkDiscovered(facts: Facts): CheckVerdict {
  const { discovery } = facts;
  const count = [...discovery.groups.values()].flatMap(({ validators }) => validators).length;
  const excluded = [...discovery.skipped].filter(([, { code }]) => code !== 'Suspended');
  const [first] = excluded;
  if (first) {
    const others = excluded.length === 1 ? '' : ` (and ${excluded.length - 1} more)`;
    return problem(`${first[0]} is no peer of others: ${describeReason(first[1])}${others}`);
  }
  if (count === 0) return ok(NO_VALIDATORS);
  const replicas = readReplicasIn(facts);
  const beside = replicas.length === 0 ? '' : `; read replicas, left as they are: ${some(replicas)}`;
  return ok(`${counted(count, 'validator')} in ${counted(discovery.groups.size, 'network')}${beside}`);
}

function checkAnnotations({ world }: Facts): CheckVerdict {
  const odd = groupedReasons(oddAnnotations(world));
  if (odd.length === 0) return ok('all are known');
  return warning(odd.map(({ subjects, sentence }) => `${some(subjects)}: ${sentence}`).join(' '));
}

function checkConfigMaps(facts: Facts): CheckVerdict {
  const { world, discovery, settings, nowMs } = facts;
  const { configMaps, reports } = planPublish(world, discovery, rolloutSettings(settings), nowMs);
  const [report] = reports;
  if (report) return problem(`${report[0]}: ${describeReason(report[1])}`);
  const { namespace: own } = settings;
  const wanted = [own, ...discovery.activeIn.keys()];
  const missing = wanted.filter((namespace) => !world.configMaps.has(namespace));
  if (missing.length > 0) return notYet(`missing in ${some(missing)}`);
  // Leave out the overview in our own namespace: it contains data that only the leader has, so it cannot be compared.
  const stale = configMaps.map(({ namespace }) => namespace).filter((namespace) => namespace !== own);
  if (stale.length > 0) return notYet(`not current in ${some(stale)}`);
  return ok(`current in ${counted(discovery.activeIn.size, 'namespace')} with validators`);
}

function checkServices({ world, discovery }: Facts): CheckVerdict {
  const { create, reports } = planServices(world, discovery);
  const [report] = reports;
  if (report) return problem(`${report[0]}: ${describeReason(report[1])}`);
  if (create.length === 0) return ok('every StatefulSet has the one that it names');
  return notYet(
    `missing: ${some(create.map(({ statefulSet }) => `${statefulSet.namespace}/${statefulSet.serviceName}`))}`,
  );
}

/** True if a budget forbids every disruption even when all of its pods are healthy. */
const forbidsAll = ({ current, expectedPods, desiredHealthy }: PdbFacts): boolean =>
  current && expectedPods > 0 && desiredHealthy >= expectedPods;

function checkBudgets(facts: Facts): CheckVerdict {
  const placed = placedOf(facts);
  const strict = [...facts.world.pdbs.values()].filter(forbidsAll).flatMap((pdb) => {
    // Ignore the budget that the operator makes for each validator: a restart ignores it too.
    const covered = placed.filter(
      ({ validator: { uid }, namespace, labels }) =>
        pdb.namespace === namespace && pdb.ownerNodeUid !== uid && selects(pdb, labels),
    );
    const keys = covered.map(({ validator: { key } }) => key);
    return keys.length === 0 ? [] : [`${pdb.key} forbids every restart of ${some(keys)}`];
  });
  return strict.length === 0 ? ok('none forbids every restart') : warning(strict.join('; '));
}

const selects = ({ selector }: PdbFacts, labels: Placed['labels']): boolean =>
  selector !== undefined && matchesSelector(selector, labels);

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
    looks: 'StellarNodes of type Validator: whether stellar-peers can read each one and use it as a peer',
    hint: 'stellar-peers status shows what to do for each, with the command',
    needs: ['stellarnodes', 'statefulsets', 'namespaces'],
    evaluate: checkDiscovered,
  },
  {
    id: 'annotations',
    title: 'annotations',
    looks:
      'unknown keys and values among our annotations on StellarNodes, their Namespaces and our ConfigMap',
    hint: 'docs/reference.md lists all keys and values; stellar-peers status shows the command that corrects each',
    needs: ['stellarnodes', 'namespaces', 'configmaps'],
    evaluate: checkAnnotations,
  },
  {
    id: 'config-maps',
    title: 'ConfigMaps',
    looks:
      'ConfigMap `stellar-peers` of each namespace with validators: it exists, is ours, and has the right content',
    hint: 'make sure that no other manager applies our keys. Otherwise the log of the leader says why it does not write them: kubectl -n stellar-peers logs -l app.kubernetes.io/name=stellar-peers --prefix',
    when: 'after',
    needs: ['stellarnodes', 'statefulsets', 'pods', 'namespaces', 'configmaps'],
    evaluate: checkConfigMaps,
  },
  {
    id: 'headless-services',
    title: 'headless Services',
    looks:
      'the governing Service that each StatefulSet names: it exists, is headless, and also has the pods that are not ready',
    hint: 'the leader creates a missing Service; stellar-peers status shows how to correct an existing one',
    when: 'after',
    needs: ['stellarnodes', 'statefulsets', 'services', 'namespaces'],
    evaluate: checkServices,
  },
  {
    id: 'disruption-budgets',
    title: 'budgets',
    looks: 'PodDisruptionBudgets, made by people, that forbid every restart of a validator (`PdbForbids`)',
    hint: 'let the budget allow one disruption (maxUnavailable: 1), or accept that these validators are never restarted',
    needs: ['stellarnodes', 'statefulsets', 'pods', 'poddisruptionbudgets'],
    evaluate: checkBudgets,
  },
];

export const RESTART_CHECKS: readonly CategoryCheck[] = [
  {
    id: 'restarts',
    title: 'restarts wanted',
    looks:
      'how many restarts follow from the settings in force, or from those of `--set`; with `--pre`, from an install',
    hint: 'stellar-peers rollout plan shows their order and reasons; stellar-peers pause stops them, resume continues them',
    needs: WORLD_SOURCES,
    evaluate: checkRestarts,
  },
];
