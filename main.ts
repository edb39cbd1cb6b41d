#!/usr/bin/env node
/**
 * The command: reads arguments and environment, runs what they ask for, and alone ends the process.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import closeWithGrace from 'close-with-grace';
import { liveStatus } from './cli/live-status.ts';
import { USAGE } from './cli/usage.ts';
import { KubeError } from './runtime/kube.ts';
import { serve } from './serve.ts';
import { readSettings, SettingsError } from './settings.ts';
import { PreviewError, preview } from './webhook/preview.ts';

const EXIT = { ok: 0, problem: 1, usage: 2, unreachable: 3 } as const;
/** Longest time that a clean stop may take, beyond what the replica itself waits for. */
const GRACE_MS = 15_000;

class UsageError extends Error {}

const OPTIONS = {
  filename: { type: 'string', short: 'f' },
  node: { type: 'string' },
  context: { type: 'string' },
  kubeconfig: { type: 'string' },
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

const version = (): string =>
  (JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string }).version;

async function run(): Promise<void> {
  const settings = readSettings(process.env);
  const replica = await serve(settings, (error) => {
    throw error;
  });
  const delay = settings.drainSeconds * 1000 + GRACE_MS;
  closeWithGrace({ delay, logger: false }, async ({ err }) => {
    if (err) process.stderr.write(`${err.stack ?? err.message}\n`);
    await replica.close();
  });
}

async function status(values: Values): Promise<void> {
  const target = {
    ...(values.kubeconfig === undefined ? {} : { path: values.kubeconfig }),
    ...(values.context === undefined ? {} : { context: values.context }),
  };
  process.stdout.write(await liveStatus(readSettings(process.env), target));
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
  else if (values.version) process.stdout.write(`${version()}\n`);
  else if (rest.length > 0) throw new UsageError(`unexpected argument: ${rest[0]}`);
  else if (command === 'run') await run();
  else if (command === 'status') await status(values);
  else if (command === 'preview') showPreview(values);
  else throw new UsageError(`unknown command: ${command}`);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof SettingsError) return EXIT.usage;
  return error instanceof KubeError ? EXIT.unreachable : EXIT.problem;
}

try {
  await main();
} catch (error) {
  const known =
    error instanceof UsageError || error instanceof SettingsError || error instanceof PreviewError;
  const expected = known || error instanceof KubeError;
  const text =
    error instanceof Error ? ((expected ? undefined : error.stack) ?? error.message) : String(error);
  process.stderr.write(`stellar-peers: ${text}\n`);
  if (error instanceof UsageError) process.stderr.write('See stellar-peers --help.\n');
  process.exit(exitCodeOf(error));
}
