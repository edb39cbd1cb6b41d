/** `stellar-peers rollout plan`: which restarts are wanted, in which order and when, and why others wait. */
import { readSettings, rolloutSettings, SETTING_NAMES } from '../../app/settings.ts';
import { greatestOf } from '../../peers/lists.ts';
import { PEERS_CONFIGMAP } from '../../peers/names.ts';
import { readConfigMap } from '../../peers/read/cluster.ts';
import { groupedReasons } from '../../peers/reasons/reason-groups.ts';
import type { Reason } from '../../peers/reasons/reasons.ts';
import { byText, type Key, type World } from '../../peers/world.ts';
import { planPublish } from '../../reconciler/plan/publish/publish.ts';
import { type Forecast, forecast } from '../../reconciler/plan/restarts/forecast.ts';
import type { ObjectRef } from '../../runtime/kube/resources.ts';
import { titleOf } from '../annotate.ts';
import { some } from '../check/check.ts';
import type { Call, Command } from '../command.ts';
import { EXIT, type ExitCode, UsageError } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { didYouMean } from '../nearest.ts';
import { inFormat } from '../output.ts';
import { openSession } from '../session.ts';
import { everything, type Shown, shownBy } from '../shown.ts';
import { type ClusterSnapshot, evaluateWorld, readCluster, rolloutInput } from '../snapshot.ts';
import { table } from '../table.ts';
import { shownReason } from './current-reasons.ts';
import { pausesOf, withRolloutOn } from './pauses.ts';
import { quorumTexts } from './quorum-says.ts';
import { groupsText } from './status.ts';

export const rolloutPlanCommand: Command = {
  name: 'rollout plan',
  summary: 'show which validators would be restarted, in which order and when; restarts nothing',
  details:
    'Shows what the leader would do from now on if every restart went well. With --set NAME=VALUE, shows the ' +
    'same as if that setting were in force. During a pause, also shows what a resume would restart. Without ' +
    '-n and -l, all validators are shown; with -n or -l, only the chosen ones, each with its place in the whole order.',
  flags: ['namespace', 'all-namespaces', 'selector', 'set', 'output', ...CLUSTER_FLAGS],
  formats: ['table', 'json', 'yaml'],
  run: runRolloutPlan,
};

async function runRolloutPlan(call: Call): Promise<ExitCode> {
  const session = await openSession(call, overridesIn(call.flags.set ?? []));
  const snapshot = await readCluster(session);
  const isShown = await shownBy(call, session);
  const data = rolloutPlanData(snapshot, isShown);
  call.terminal.print(inFormat(call.format, data, () => renderRolloutPlan(snapshot, isShown)));
  return EXIT.ok;
}

/** The settings in `--set NAME=VALUE`. Throws UsageError for an unknown name, SettingsError for a value that is not allowed. */
export function overridesIn(texts: readonly string[]): Record<string, string> {
  const pairs = texts.map((text) => {
    const [name = '', ...rest] = text.split('=');
    if (rest.length === 0) throw new UsageError(`--set takes NAME=VALUE, not ${text}`);
    if (!SETTING_NAMES.includes(name))
      throw new UsageError(`--set: no setting is called ${name}${didYouMean(name, SETTING_NAMES)}`);
    return [name, rest.join('=')] as const;
  });
  const overrides = Object.fromEntries(pairs);
  // Refuse a value that no replica takes before the cluster is read.
  readSettings(overrides);
  return overrides;
}

export type Step = Forecast['steps'][number];

/** What the leader would do from now on in each group, once the lists are published under these settings. Pure. */
export function forecastsOf(snapshot: ClusterSnapshot): Forecast[] {
  const published = evaluateWorld(withViews(snapshot), snapshot.settings, snapshot.nowMs);
  const input = rolloutInput(published);
  return [...published.discovery.groups.values()].map((group) => forecast(group, input));
}

type NumberedStep = Step & { readonly order: number };

/** The plan for the shown validators; `onResume` has the further steps if the pauses in `paused` ended now. Pure. */
export function rolloutPlanOf(snapshot: ClusterSnapshot, isShown = everything) {
  const forecasts = forecastsOf(snapshot);
  const steps = inOrder(forecasts);
  const paused = pausesOf([...snapshot.discovery.groupOf.keys()].filter(isShown), snapshot);
  const resumed = paused.length === 0 ? [] : inOrder(forecastsOf(withRolloutOn(snapshot, paused, undefined)));
  const restartedNow = new Set(keysOf(steps));
  const onResume = resumed.filter(({ node }) => !restartedNow.has(node));
  return {
    holds: forecasts.flatMap(({ holds }) => [...holds]).filter(([key]) => isShown(key)),
    steps: numbered(steps, isShown),
    paused,
    onResume: numbered(onResume, isShown),
  };
}

const numbered = (steps: readonly Step[], isShown: Shown): NumberedStep[] =>
  steps.map((step, index) => ({ ...step, order: index + 1 })).filter(({ node }) => isShown(node));

/** The plan as text. Pure. */
export function renderRolloutPlan(snapshot: ClusterSnapshot, isShown = everything): string {
  const { steps, paused, onResume, holds } = rolloutPlanOf(snapshot, isShown);
  const restarts = steps.length === 0 ? 'No validator is to be restarted.\n' : stepsText(steps, snapshot);
  return `${restarts}${onResumeText(paused, onResume, snapshot)}${holdsText(holds)}`;
}

function onResumeText(
  paused: readonly ObjectRef[],
  steps: readonly NumberedStep[],
  snapshot: ClusterSnapshot,
) {
  if (paused.length === 0) return '';
  const head = `\nPaused by ${some(paused.map(titleOf))}; on resume ${steps.length || 'none'} would be restarted`;
  return steps.length === 0 ? `${head}.\n` : `${head}:\n${stepsText(steps, snapshot)}`;
}

/** The plan for programs: docs/command.md has the fields. Pure. */
export function rolloutPlanData(snapshot: ClusterSnapshot, isShown = everything) {
  const { holds, steps, onResume } = rolloutPlanOf(snapshot, isShown);
  return {
    restarts: stepsData(steps, snapshot),
    onResume: stepsData(onResume, snapshot),
    held: holds.map(([subject, why]) => ({ subject, ...shownReason(why, subject) })),
  };
}

function stepsData(steps: readonly Step[], snapshot: ClusterSnapshot) {
  const quorum = quorumTexts(keysOf(steps), snapshot);
  return steps.map(({ node, kind, drift, beginsInMs, endsInMs }) => ({
    network: snapshot.discovery.groupOf.get(node) ?? null,
    ...{ validator: node, kind, drift, quorum: quorum.get(node) ?? null },
    beginsInSeconds: Math.round(beginsInMs / 1000),
    endsInSeconds: Math.round(endsInMs / 1000),
  }));
}

/** The restarts of all groups, in the order in which they begin. */
export const inOrder = (forecasts: readonly Forecast[]): Step[] =>
  forecasts
    .flatMap(({ steps }) => steps)
    .sort((a, b) => a.beginsInMs - b.beginsInMs || byText(a.node, b.node));

/** The World as it will be once the lists are published under these settings. */
function withViews({ world, discovery, settings, nowMs }: ClusterSnapshot): World {
  const { configMaps } = planPublish(world, discovery, rolloutSettings(settings), nowMs);
  const maps = new Map(world.configMaps);
  for (const { namespace, data } of configMaps) {
    const before = maps.get(namespace) ?? readConfigMap({ metadata: { name: PEERS_CONFIGMAP, namespace } });
    maps.set(namespace, { ...before, data: { ...before.data, ...data } });
  }
  return { ...world, configMaps: maps };
}

function durationText(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  if (minutes === 0) return 'now';
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const HEADINGS = ['ORDER', 'NETWORK', 'VALIDATOR', 'HOW', 'WHY', 'BEGINS IN', 'DONE IN', 'QUORUM'];

const keysOf = (steps: ReadonlyArray<{ readonly node: Key }>): Key[] => steps.map(({ node }) => node);

function stepsText(steps: readonly NumberedStep[], snapshot: ClusterSnapshot): string {
  const rows = stepsData(steps, snapshot).map((restart, index) => [
    String(steps[index]?.order),
    restart.network ?? '-',
    ...[restart.validator, restart.kind, restart.drift],
    ...[durationText(restart.beginsInSeconds), durationText(restart.endsInSeconds)],
    restart.quorum ?? '-',
  ]);
  const restarts = steps.length === 1 ? 'One restart' : `${steps.length} restarts`;
  return `${table([HEADINGS, ...rows])}\n${restarts}, the last of them over in about ${durationOf(steps)} if all goes well.\n`;
}

/** In words, how long from now until the last of these restarts is over. */
export const durationOf = (steps: readonly Step[]): string =>
  durationText(greatestOf(steps.map(({ endsInMs }) => endsInMs)) / 1000);

function holdsText(holds: ReadonlyArray<readonly [Key, Reason]>): string {
  const groups = groupedReasons(holds);
  return groups.length === 0 ? '' : `\nWaiting:\n${groupsText(groups, (_, text) => text)}`;
}
