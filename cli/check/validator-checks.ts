/**
 * Whether the validators have what they need of us and let themselves be restarted: ConfigMaps, Services, budgets, and
 * how many restarts are wanted. Pure.
 */
import { podsOf } from '../../peers/pods.ts';
import { describeReason } from '../../peers/reasons.ts';
import { matchesSelector } from '../../peers/selectors.ts';
import type { PdbFacts, World } from '../../peers/world.ts';
import { planPublish } from '../../reconciler/publish.ts';
import { planServices } from '../../reconciler/services.ts';
import { rolloutSettings } from '../../wiring.ts';
import { forecastsOf } from '../rollout-plan.ts';
import { type Check, counted, ok, problem, some, type Verdict, warning } from './check.ts';
import type { Facts } from './facts.ts';
import { shippedWebhook } from './shipped-webhook.ts';

const NOBODY = 'there are no validators';

function judgeDiscovered({ discovery }: Facts): Verdict {
  const count = [...discovery.groups.values()].flatMap(({ validators }) => validators).length;
  const unread = [...discovery.skipped].filter(([, { code }]) => code !== 'Suspended');
  const [first] = unread;
  if (first) {
    const others = unread.length === 1 ? '' : ` (and ${unread.length - 1} more)`;
    return problem(`${first[0]} is nobody's peer: ${describeReason(first[1])}${others}`);
  }
  return ok(
    count === 0 ? NOBODY : `${counted(count, 'validator')} in ${counted(discovery.groups.size, 'network')}`,
  );
}

function judgeConfigMaps(facts: Facts): Verdict {
  const { world, discovery, settings, nowMs } = facts;
  const { configMaps, reports } = planPublish(world, discovery, rolloutSettings(settings), nowMs);
  const [report] = reports;
  if (report) return problem(`${report[0]}: ${describeReason(report[1])}`);
  const { namespace: own } = settings;
  const wanted = [own, ...discovery.activeIn.keys()];
  const missing = wanted.filter((namespace) => !world.configMaps.has(namespace));
  if (missing.length > 0) return problem(`missing in ${some(missing)}`);
  // The overview in our own namespace also says what only the leader has seen.
  const stale = configMaps.map(({ namespace }) => namespace).filter((namespace) => namespace !== own);
  if (stale.length > 0) return problem(`not current in ${some(stale)}`);
  return ok(`current in ${counted(discovery.activeIn.size, 'namespace')} with validators`);
}

function judgeServices({ world, discovery }: Facts): Verdict {
  const { create, reports } = planServices(world, discovery);
  const [report] = reports;
  if (report) return problem(`${report[0]}: ${describeReason(report[1])}`);
  if (create.length === 0) return ok('every StatefulSet has the one that it names');
  return problem(
    `missing: ${some(create.map(({ statefulSet }) => `${statefulSet.namespace}/${statefulSet.serviceName}`))}`,
  );
}

/** A budget that forbids every disruption for ever, if nothing but time passes. */
const forbidsAll = ({ current, expectedPods, desiredHealthy }: PdbFacts): boolean =>
  current && expectedPods > 0 && desiredHealthy >= expectedPods;

function judgeBudgets({ world, discovery }: Facts): Verdict {
  const budgets = [...world.pdbs.values()].filter(forbidsAll);
  const held = new Map<string, string[]>();
  for (const { validators } of discovery.groups.values()) {
    for (const { key, uid, namespace } of validators) {
      for (const pdb of budgets) {
        // One that the operator itself makes for each validator is set aside, as before a restart.
        if (
          pdb.namespace !== namespace ||
          pdb.ownerNodeUid === uid ||
          !coversOne(pdb, key, { world, discovery })
        )
          continue;
        held.set(pdb.key, [...(held.get(pdb.key) ?? []), key]);
      }
    }
  }
  if (held.size === 0) return ok('none forbids every restart');
  return warning([...held].map(([pdb, keys]) => `${pdb} forbids every restart of ${some(keys)}`).join('; '));
}

function coversOne(
  { selector }: PdbFacts,
  key: string,
  { world, discovery }: Pick<Facts, 'world' | 'discovery'>,
): boolean {
  const statefulSet = discovery.statefulSetOf.get(key);
  if (!selector || !statefulSet) return false;
  return podsOf(world, statefulSet).some(({ labels }) => matchesSelector(selector, labels));
}

/** The World in which admission asks us from now on: what an install would find. */
const asInstalled = (world: World, nowMs: number): World => ({
  ...world,
  journal: world.journal,
  external: world.external,
  webhook: world.webhook ?? shippedWebhook(nowMs),
});

const HOUR_MS = 3_600_000;

function judgeRestarts(facts: Facts): Verdict {
  const { discovery, settings, nowMs, when } = facts;
  const world = when === 'before' ? asInstalled(facts.world, nowMs) : facts.world;
  const forecasts = forecastsOf({ world, discovery, settings, nowMs });
  const steps = forecasts.flatMap(({ steps: own }) => own);
  const waiting = forecasts
    .flatMap(({ holds }) => [...holds.values()])
    .filter(({ code }) => code === 'AwaitingAdoption').length;
  const adopted = waiting === 0 ? '' : `; ${counted(waiting, 'validator')} to be adopted first`;
  if (steps.length === 0) return ok(`none${adopted}`);
  const hours = Math.max(...steps.map(({ endsInMs }) => endsInMs)) / HOUR_MS;
  return warning(
    `${counted(steps.length, 'restart')}, one at a time, over in about ${hours.toFixed(1)} h: ` +
      `${some(steps.map(({ node }) => node))}${adopted}`,
  );
}

const READ_FOR_RESTARTS = [
  'stellarnodes',
  'statefulsets',
  'pods',
  'poddisruptionbudgets',
  'services',
  'namespaces',
  'configmaps',
  'mutatingwebhookconfigurations',
] as const;
const VALIDATORS = { category: 'Validators' } as const;

export const VALIDATOR_CHECKS: readonly Check[] = [
  {
    ...VALIDATORS,
    id: 'validators',
    title: 'validators',
    looks: 'StellarNodes of type Validator: whether each can be read and be a peer',
    hint: 'docs/reasons.md says what each reason asks for; stellar-peers status lists all of them',
    when: 'both',
    needs: ['stellarnodes', 'statefulsets', 'namespaces'],
    judge: judgeDiscovered,
  },
  {
    ...VALIDATORS,
    id: 'config-maps',
    title: 'ConfigMaps',
    looks:
      'ConfigMap `stellar-peers` of each namespace with validators: there, ours, and saying what it should',
    hint: 'the leader writes them within a second: its log says why not. A key that others apply must be left to us',
    when: 'after',
    needs: ['stellarnodes', 'statefulsets', 'pods', 'namespaces', 'configmaps'],
    judge: judgeConfigMaps,
  },
  {
    ...VALIDATORS,
    id: 'headless-services',
    title: 'headless Services',
    looks:
      'the governing Service that each StatefulSet names: there, headless, and naming pods that are not ready too',
    hint: 'set clusterIP: None and publishNotReadyAddresses: true on one that is there; the leader makes a missing one',
    when: 'after',
    needs: ['stellarnodes', 'statefulsets', 'services', 'namespaces'],
    judge: judgeServices,
  },
  {
    ...VALIDATORS,
    id: 'disruption-budgets',
    title: 'budgets',
    looks: 'PodDisruptionBudgets that people made, which forbid every restart of a validator (`PdbForbids`)',
    hint: 'let the budget allow one disruption (maxUnavailable: 1), or accept that these are never restarted',
    when: 'both',
    needs: ['stellarnodes', 'statefulsets', 'pods', 'poddisruptionbudgets'],
    judge: judgeBudgets,
  },
  {
    id: 'restarts',
    category: 'Restarts',
    title: 'restarts wanted',
    looks:
      'how many restarts the settings in force want, or others by `--set`; with `--pre`, how many an install would',
    hint: 'stellar-peers rollout plan says in which order and why; pause first if now is a bad time',
    when: 'both',
    needs: READ_FOR_RESTARTS,
    judge: judgeRestarts,
  },
];
