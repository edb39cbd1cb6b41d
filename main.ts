#!/usr/bin/env node
/**
 * The command: reads arguments and environment, runs what they ask for, and alone ends the process.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import closeWithGrace from 'close-with-grace';
import { adopt, adoptionText, planAdoption } from './cli/adopt.ts';
import { askCluster } from './cli/asked.ts';
import { liveStatus } from './cli/live-status.ts';
import { liveRolloutPlan } from './cli/rollout-plan.ts';
import { USAGE } from './cli/usage.ts';
import metadata from './package.json' with { type: 'json' };
import { ListenError } from './runtime/http.ts';
import { KubeError } from './runtime/kube.ts';
import { KubeConfigError } from './runtime/kube-client.ts';
import { withoutSecrets } from './runtime/log.ts';
import { serve } from './serve.ts';
import { isSetting, readSettings, type Settings, SettingsError } from './settings.ts';
import { PreviewError, preview } from './webhook/preview.ts';

const EXIT = { ok: 0, problem: 1, usage: 2, unreachable: 3 } as const;
/** Longest time that a clean stop may take, beyond what the replica itself waits for. */
const GRACE_MS = 15_000;

class UsageError extends Error {}
class NotFoundError extends Error {}

const OPTIONS = {
  filename: { type: 'string', short: 'f' },
  node: { type: 'string' },
  context: { type: 'string' },
  kubeconfig: { type: 'string' },
  namespace: { type: 'string', short: 'n' },
  set: { type: 'string', multiple: true },
  all: { type: 'boolean' },
  yes: { type: 'boolean', short: 'y' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof readArguments>['values'];

function readArguments() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function run(): Promise<void> {
  const settings = readSettings(process.env);
  const onFailure = (error: unknown) => {
    throw error;
  };
  const replica = await serve(settings, { onFailure, kubeconfig: process.env.KUBECONFIG });
  const delay = settings.drainSeconds * 1000 + GRACE_MS;
  const onTimeout = () => say(`not stopped within ${delay / 1000} s, so it ends as it is`);
  const onSecondSignal = (signal?: string) => say(`${signal} for the second time, so it ends at once`);
  closeWithGrace({ delay, logger: false, onTimeout, onSecondSignal }, async ({ err }) => {
    if (err) say(textOf(err));
    await replica.close();
  });
}

const targetOf = (values: Values) => ({
  ...(values.kubeconfig === undefined ? {} : { path: values.kubeconfig }),
  ...(values.context === undefined ? {} : { context: values.context }),
});

async function status(values: Values): Promise<void> {
  process.stdout.write(await liveStatus(readSettings(process.env), targetOf(values)));
}

/** The environment, with what `--set NAME=VALUE` says in its place. */
function settingsWith(values: Values): Settings {
  const set = (values.set ?? []).map((text) => {
    const [name = '', ...rest] = text.split('=');
    if (!isSetting(name) || rest.length === 0) throw new UsageError(`--set takes NAME=VALUE, not ${text}`);
    return [name, rest.join('=')] as const;
  });
  return readSettings({ ...process.env, ...Object.fromEntries(set) });
}

async function rolloutPlan(values: Values, [what, ...rest]: readonly string[]): Promise<void> {
  if (what !== 'plan' || rest.length > 0) throw new UsageError('rollout takes one word: plan');
  process.stdout.write(await liveRolloutPlan(settingsWith(values), targetOf(values)));
}

async function adoptNodes(values: Values, names: readonly string[]): Promise<void> {
  const namespace = values.namespace;
  if (namespace === undefined) throw new UsageError('adopt needs a namespace: -n NAMESPACE');
  if (names.length === 0 && !values.all) throw new UsageError('adopt needs names of StellarNodes, or --all');
  const settings = readSettings(process.env);
  const asked = await askCluster(settings, targetOf(values));
  const plan = planAdoption(asked, settings, { namespace, names: values.all ? [] : names });
  if (plan.unknown.length > 0) throw new NotFoundError(`no such validator: ${plan.unknown.join(', ')}`);
  process.stderr.write(adoptionText(plan));
  if (!values.yes && !(await agreed('Go on? [y/N] '))) {
    process.stderr.write('Nothing was changed.\n');
    process.exitCode = EXIT.problem;
    return;
  }
  await adopt(asked.kube, plan.refs);
  process.stdout.write(
    `${plan.refs.map(({ resource, name }) => `${resource.kind} ${name} adopted`).join('\n')}\n`,
  );
}

/** Asks on a terminal; without one nobody could answer. */
async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('there is no terminal to ask on: use --yes');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

function showPreview(values: Values): void {
  if (values.filename === undefined) throw new UsageError('preview needs a manifest: -f POD.yaml');
  const text = readFileSync(values.filename === '-' ? 0 : values.filename, 'utf8');
  process.stdout.write(preview(text, { node: values.node }));
}

async function main(): Promise<void> {
  const { values, positionals } = readArguments();
  const [command = 'run', ...rest] = positionals;
  if (values.help || command === 'help') process.stdout.write(USAGE);
  else if (values.version) process.stdout.write(`${metadata.version}\n`);
  else if (command === 'rollout') await rolloutPlan(values, rest);
  else if (command === 'adopt') await adoptNodes(values, rest);
  else if (rest.length > 0) throw new UsageError(`unexpected argument: ${rest[0]}`);
  else if (command === 'run') await run();
  else if (command === 'status') await status(values);
  else if (command === 'preview') showPreview(values);
  else throw new UsageError(`unknown command: ${command}`);
}

/** The sentence of what a person can put right; a stack for what is a defect of ours. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const expected = EXPECTED.some((kind) => error instanceof kind);
  return expected ? error.message : (error.stack ?? error.message);
}

const EXPECTED = [
  UsageError,
  SettingsError,
  PreviewError,
  NotFoundError,
  ListenError,
  KubeConfigError,
  KubeError,
];

const say = (text: string): void => void process.stderr.write(`stellar-peers: ${withoutSecrets(text)}\n`);

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof SettingsError) return EXIT.usage;
  return error instanceof KubeError ? EXIT.unreachable : EXIT.problem;
}

try {
  await main();
} catch (error) {
  say(textOf(error));
  if (error instanceof UsageError) process.stderr.write('See stellar-peers --help.\n');
  process.exit(exitCodeOf(error));
}
