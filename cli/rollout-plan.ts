/**
 * `stellar-peers rollout plan`: which restarts are wanted, in which order, how long they would take, and who waits
 * for what. For the settings that are in force, or for others before they are.
 */
import type { Discovery } from '../peers/discover.ts';
import { describeReason, REASONS, type Reason } from '../peers/reasons.ts';
import { byText, type ConfigMapFacts, type Key, type World } from '../peers/world.ts';
import { type Forecast, forecast } from '../reconciler/forecast.ts';
import { planPublish } from '../reconciler/publish.ts';
import { isSetting, readSettings } from '../settings.ts';
import { rolloutSettings } from '../wiring.ts';
import { type Asked, askCluster, askedOf, rolloutInput } from './asked.ts';
import type { Call, Command } from './command.ts';
import { EXIT, type ExitCode, UsageError } from './exit.ts';
import { CLUSTER_FLAGS } from './flags.ts';
import { inFormat } from './output.ts';
import { toldReason } from './reasons-now.ts';
import { openSession } from './session.ts';
import { table } from './table.ts';

export const rolloutPlanCommand: Command = {
  name: 'rollout plan',
  synopsis: '',
  summary: 'which restarts are wanted, in which order, for how long; restarts nobody',
  details:
    'What the leader would do from now on if every restart goes well. With --set NAME=VALUE for settings that are not ' +
    'in force yet, so that their restarts can be read before they happen.',
  args: { min: 0, max: 0 },
  flags: ['set', 'output', ...CLUSTER_FLAGS],
  formats: ['table', 'json', 'yaml'],
  run: runRolloutPlan,
};

async function runRolloutPlan(call: Call): Promise<ExitCode> {
  const session = await openSession(call, overridesIn(call.flags.set ?? []));
  const asked = await askCluster(session);
  const { format, terminal } = call;
  terminal.print(
    inFormat(
      format,
      () => rolloutPlanData(asked),
      () => renderRolloutPlan(asked),
    ),
  );
  return EXIT.ok;
}

/** What `--set NAME=VALUE` says. Throws UsageError for what is no setting, SettingsError for what it does not take. */
export function overridesIn(texts: readonly string[]): Record<string, string> {
  const pairs = texts.map((text) => {
    const [name = '', ...rest] = text.split('=');
    if (!isSetting(name) || rest.length === 0) throw new UsageError(`--set takes NAME=VALUE, not ${text}`);
    return [name, rest.join('=')] as const;
  });
  const overrides = Object.fromEntries(pairs);
  // A value that no cluster could take is told before any is asked.
  readSettings(overrides);
  return overrides;
}

const MINUTE_MS = 60_000;

/** What the leader would do from here in each group, its views published as the settings want them. Pure. */
export function forecastsOf(asked: Asked): Forecast[] {
  const published = askedOf(withViews(asked), asked.settings, asked.nowMs);
  const input = rolloutInput(published);
  return [...published.discovery.groups.values()].map((group) => forecast(group, input));
}

/** The plan as text. Pure. */
export function renderRolloutPlan(asked: Asked): string {
  const forecasts = forecastsOf(asked);
  return `${stepsOf(forecasts, asked.discovery)}${holdsOf(forecasts)}`;
}

/** The plan for programs: docs/command.md has the fields. Pure. */
export function rolloutPlanData(asked: Asked) {
  const forecasts = forecastsOf(asked);
  return {
    restarts: inOrder(forecasts).map(({ node, kind, drift, beginsInMs, endsInMs }) => ({
      network: asked.discovery.groupOf.get(node) ?? null,
      ...{ validator: node, kind, drift },
      beginsInSeconds: Math.round(beginsInMs / 1000),
      endsInSeconds: Math.round(endsInMs / 1000),
    })),
    held: [...forecasts.flatMap(({ holds }) => [...holds])].map(([subject, why]) => ({
      subject,
      ...toldReason(why),
    })),
  };
}

/** The restarts of all groups, in the order of their beginning. */
export const inOrder = (forecasts: readonly Forecast[]): Forecast['steps'][number][] =>
  forecasts
    .flatMap(({ steps }) => steps)
    .sort((a, b) => a.beginsInMs - b.beginsInMs || byText(a.node, b.node));

/** The World with the views published as these settings want them. */
function withViews({ world, discovery, settings, nowMs }: Asked): World {
  const { configMaps } = planPublish(world, discovery, rolloutSettings(settings), nowMs);
  const maps = new Map(world.configMaps);
  for (const { namespace, data } of configMaps) {
    const before = maps.get(namespace);
    maps.set(namespace, { ...EMPTY, ...before, data: { ...before?.data, ...data } });
  }
  return {
    ...world,
    journal: world.journal,
    external: world.external,
    webhook: world.webhook,
    configMaps: maps,
  };
}

const EMPTY: ConfigMapFacts = {
  key: '',
  namespace: '',
  name: '',
  uid: '',
  version: '',
  data: {},
  rollout: undefined,
  ownKeys: [],
  foreignKeys: [],
};

/** A length of time as a person says it. */
function spoken(ms: number): string {
  const minutes = Math.ceil(ms / MINUTE_MS);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const HEADINGS = ['ORDER', 'NETWORK', 'VALIDATOR', 'HOW', 'WHY', 'BEGINS IN', 'DONE IN'];

function stepsOf(forecasts: readonly Forecast[], { groupOf }: Discovery): string {
  const steps = inOrder(forecasts);
  if (steps.length === 0) return 'No validator is to be restarted.\n';
  const rows = steps.map(({ node, kind, drift, beginsInMs, endsInMs }, index) => [
    String(index + 1),
    groupOf.get(node) ?? '-',
    node,
    kind,
    drift,
    spoken(beginsInMs),
    spoken(endsInMs),
  ]);
  const lastMs = Math.max(...steps.map(({ endsInMs }) => endsInMs));
  const restarts = steps.length === 1 ? 'One restart' : `${steps.length} restarts`;
  return `${table([HEADINGS, ...rows])}\n${restarts}, the last of them over in about ${spoken(lastMs)} if all goes well.\n`;
}

function holdsOf(forecasts: readonly Forecast[]): string {
  const holds = new Map<Key, Reason>(forecasts.flatMap(({ holds: own }) => [...own]));
  if (holds.size === 0) return '';
  const lines = [...holds].map(
    ([key, why]) => `  ${key}  ${why.code}\n    ${describeReason(why)}\n    > ${REASONS[why.code].release}\n`,
  );
  return `\nNot restarted, why, and what would help:\n${lines.join('')}`;
}
